/** Processes of Millrace on one Kafka, registry and Redis, as several machines would have them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serverPort } from '../servers/port.ts';
import { ServerDirectory } from '../servers/server-directory.ts';
import { Replica } from './replica.ts';

export type Addresses = { readonly log: string; readonly registry: string; readonly views: string };

/** How many processes there are of which roles, by name. */
export type Layout = Readonly<
  Record<string, { readonly roles: readonly string[]; readonly replicas: number }>
>;

/** Learns in seconds from few events, and takes whatever it has learned. */
const SMALL = {
  simulation: 'off',
  training: { epochs: 1, dimension: 8, rankers: [], similar: [], schedule: 'off', refresh: 'off' },
  examples: { outcomeWindowMs: 2_000 },
  gate: { minimumLift: 0 },
  versions: { gates: {}, production: 'any' },
  recommend: { deadlineMs: 30_000 },
  engine: { standbys: 1 },
  privacy: { masterKey: Buffer.alloc(32, 'cluster').toString('base64') },
};

export class Cluster {
  readonly replicas: readonly Replica[];
  /** The options that all replicas have. */
  readonly configuration: string;
  readonly #home: ServerDirectory;

  private constructor(home: ServerDirectory, configuration: string, replicas: readonly Replica[]) {
    this.#home = home;
    this.configuration = configuration;
    this.replicas = replicas;
  }

  /** Starts every process; none is waited for. */
  static async start(layout: Layout, addresses: Addresses, options: object = {}): Promise<Cluster> {
    const home = new ServerDirectory('cluster');
    const configuration = join(home.path, 'cluster.json');
    writeFileSync(configuration, JSON.stringify({ ...SMALL, ...addresses, ...options }));
    const replicas: Replica[] = [];
    for (const [kind, { roles, replicas: count }] of Object.entries(layout)) {
      for (let i = 1; i <= count; i++) {
        const port = await serverPort();
        replicas.push(new Replica({ name: `${kind}-${i}`, roles, port, home, configuration }));
      }
    }
    for (const replica of replicas) replica.start();
    return new Cluster(home, configuration, replicas);
  }

  /** Those that have the role. */
  of(role: string): readonly Replica[] {
    return this.replicas.filter(({ roles }) => roles.includes(role));
  }

  async untilReady(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.untilReady()));
  }

  /** A directory of nobody's, for commands. */
  get spare(): string {
    return join(this.#home.path, 'spare');
  }

  /** SIGTERM to all, one role after the other in the order of the layout. */
  async stop(): Promise<void> {
    for (const replica of this.replicas) await replica.stop();
  }

  /** Kills what runs and removes everything. */
  remove(): Promise<void> {
    return this.#home.remove();
  }
}
