import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serverPort } from './port.ts';
import { requirePrograms } from './programs.ts';
import { RestartableProcess } from './restartable-process.ts';
import { ServerDirectory } from './server-directory.ts';
import type { ServerProcess } from './server-process.ts';

/** Prometheus on a port of 127.0.0.1, which asks one process for its metrics every second. */
export class PrometheusServer extends RestartableProcess {
  readonly url: string;
  readonly #home: ServerDirectory;

  private constructor(port: number, home: ServerDirectory) {
    const args = [
      '--config.file=prometheus.json',
      '--storage.tsdb.path=data',
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ];
    super(home, { program: 'prometheus', args, log: 'prometheus.log' });
    this.url = `http://127.0.0.1:${port}`;
    this.#home = home;
  }

  /** `target`: the address of the process, `http://HOST:PORT`. Rejects with the end of its log when it does not come up. */
  static async start(target: string): Promise<PrometheusServer> {
    requirePrograms('prometheus');
    const home = new ServerDirectory('prometheus');
    // JSON is YAML.
    const configuration = {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      scrape_configs: [{ job_name: 'millrace', static_configs: [{ targets: [new URL(target).host] }] }],
    };
    writeFileSync(join(home.path, 'prometheus.json'), JSON.stringify(configuration));
    const server = new PrometheusServer(await serverPort(), home);
    try {
      await server.start();
      return server;
    } catch (error) {
      await home.remove();
      throw error;
    }
  }

  /** The series that an expression gives now. Throws an Error with Prometheus' own words where it can't be evaluated. */
  async query(expression: string): Promise<readonly { readonly value: readonly [number, string] }[]> {
    const response = await fetch(`${this.url}/api/v1/query?query=${encodeURIComponent(expression)}`);
    const { data, error } = (await response.json()) as {
      readonly data?: { readonly result: readonly { readonly value: readonly [number, string] }[] };
      readonly error?: string;
    };
    if (data === undefined) throw new Error(`${expression}: ${error}`);
    return data.result;
  }

  /** Kills it and removes its data. */
  async stop(): Promise<void> {
    await this.#home.remove();
  }

  protected async untilReady(process: ServerProcess): Promise<void> {
    await process.ready(async () => {
      const response = await fetch(`${this.url}/-/ready`).catch(() => undefined);
      return response?.ok === true;
    });
  }
}
