import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { invariant } from '#platform';

/** The service and its load, each on a core of its own. */
export const CORES = { service: '0', load: '1' };

type Usage = { readonly cpu: NodeJS.CpuUsage; readonly rss: number; readonly metrics: string };

/** A responder that is served in a process of its own. */
export class Service {
  readonly port: number;
  /** An API key that callers send; undefined where they need none. */
  readonly token: string | undefined;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number, token: string | undefined) {
    this.#child = child;
    this.port = port;
    this.token = token;
  }

  /**
   * `deadlineMs`: the time of an answer; without it, none is made of less than all, however long it takes. `isOpen`: callers need
   * no key.
   */
  static async start(
    directory: string,
    redisUrl = '',
    deadlineMs = 60_000,
    isOpen = false,
  ): Promise<Service> {
    const script = join(import.meta.dirname, 'serve.ts');
    const parameters = [directory, redisUrl, String(deadlineMs), ...(isOpen ? ['open'] : [])];
    const program = ['-c', CORES.service, process.execPath, script, ...parameters];
    const child = spawn('taskset', program, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const [ready] = (await once(child, 'message')) as [
      { port: number; version?: string; ranker?: string; token?: string },
    ];
    invariant(ready.version !== undefined && ready.ranker !== undefined, 'both versions are in force');
    return new Service(child, ready.port, ready.token);
  }

  /** What `work` comes to, and what processor time the service has taken for it. */
  async charged<T>(
    work: () => Promise<T>,
  ): Promise<T & { readonly cpuSeconds: number; readonly rss: number; readonly metrics: string }> {
    const before = await this.#usage();
    const result = await work();
    const { cpu, rss, metrics } = await this.#usage();
    const cpuSeconds = (cpu.user + cpu.system - before.cpu.user - before.cpu.system) / 1e6;
    return { ...result, cpuSeconds, rss, metrics };
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    await exited;
  }

  async #usage(): Promise<Usage> {
    const told = once(this.#child, 'message');
    this.#child.send('usage');
    const [usage] = (await told) as [Usage];
    return usage;
  }
}
