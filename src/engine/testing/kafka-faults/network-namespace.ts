import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Each process gets a network of two addresses in the range reserved for benchmarks (RFC 2544). */
const first = (process.pid * 4) % 2 ** 17;
const address = (n: number) =>
  `198.${18 + ((first + n) >> 16)}.${((first + n) >> 8) & 255}.${(first + n) & 255}`;

/**
 * A network namespace of Linux with one cable to this one. It lives as long as the process that holds it, which ends with
 * this one.
 */
export class NetworkNamespace {
  /** The address of this side, as seen from inside the namespace. */
  readonly host = address(1);
  readonly #holder: ChildProcess;

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
  }

  /** Rejects where that is not allowed. */
  static async open(t: TestContext): Promise<NetworkNamespace> {
    const holder = spawn('unshare', ['--net', 'sh', '-c', 'echo here; exec cat'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    t.after(() => holder.kill('SIGKILL'));
    const ended = once(holder, 'exit').then(() => {
      throw new Error('unshare has ended');
    });
    await Promise.race([once(holder.stdout, 'data'), ended]);
    ended.catch(() => {});
    const namespace = new NetworkNamespace(holder);
    const cable = `mr${process.pid}`;
    await run('ip', `link add ${cable} type veth peer name eth0 netns ${holder.pid}`.split(' '));
    await run('ip', ['address', 'add', `${namespace.host}/30`, 'dev', cable]);
    await run('ip', ['link', 'set', cable, 'up']);
    await namespace.#inside('ip', 'address', 'add', `${address(2)}/30`, 'dev', 'eth0');
    await namespace.#inside('ip', 'link', 'set', 'lo', 'up');
    await namespace.plug(true);
    return namespace;
  }

  /** Starts another command inside. */
  get through(): readonly string[] {
    return ['nsenter', '--target', String(this.#holder.pid), '--net'];
  }

  /** Whether the cable is in. */
  async plug(isIn: boolean): Promise<void> {
    await this.#inside('ip', 'link', 'set', 'eth0', isIn ? 'up' : 'down');
  }

  /**
   * Lets no more bits a second out, with a queue so short that what is too much for it is lost. False where this system can't.
   */
  async narrow(bitsPerSecond: number): Promise<boolean> {
    const limits = ['rate', `${bitsPerSecond}bit`, 'burst', '4kb', 'limit', '8kb'];
    try {
      await this.#inside('tc', 'qdisc', 'replace', 'dev', 'eth0', 'root', 'tbf', ...limits);
      return true;
    } catch {
      return false;
    }
  }

  /** How many packets have been lost since it is narrow. */
  async lost(): Promise<number> {
    const told = await this.#inside('tc', '-s', 'qdisc', 'show', 'dev', 'eth0');
    return Number(/dropped (\d+)/.exec(told)?.[1] ?? 0);
  }

  async widen(): Promise<void> {
    await this.#inside('tc', 'qdisc', 'delete', 'dev', 'eth0', 'root');
  }

  async #inside(...command: readonly string[]): Promise<string> {
    const [program = '', ...args] = [...this.through, ...command];
    return (await run(program, args)).stdout;
  }
}
