import { kafkaJars } from './downloads.ts';
import type { KafkaBroker } from './kafka-broker.ts';
import type { Address, Listener, SecuredListener, User } from './kafka-configuration.ts';
import { type KafkaServerOptions, type Parts, prepare } from './kafka-preparation.ts';
import { runTool, type ToolOrClass } from './kafka-tools.ts';
import { requirePrograms } from './programs.ts';
import { ServerDirectory } from './server-directory.ts';

/** What it takes to come in by the secured listeners. */
export type KafkaSecurity = User & {
  /** File of the certificate to trust, PEM. */
  readonly ca: string;
  /** Addresses of the brokers, `host:port`, separated by commas. */
  readonly listeners: Readonly<Record<SecuredListener, string>>;
};

/** Apache Kafka 4.1 without ZooKeeper: one broker, or a cluster of some, on ports of 127.0.0.1. */
export class KafkaServer {
  /** Addresses of the plain listener, `host:port`, separated by commas. */
  readonly brokers: string;
  /** `kafka://` and those. */
  readonly url: string;
  /** Each broker by itself. */
  readonly members: readonly KafkaBroker[];
  readonly security: KafkaSecurity | undefined;
  /** Address of the listener that is advertised elsewhere: see KafkaServerOptions. */
  readonly outside: Address | undefined;
  readonly #jars: string;
  readonly #directory: ServerDirectory;

  private constructor({ jars, directory, members, ports, security }: Parts) {
    const addresses = (listener: Listener) =>
      ports.map((each) => `127.0.0.1:${each.get(listener)}`).join(',');
    this.brokers = addresses('PLAINTEXT');
    this.url = `kafka://${this.brokers}`;
    this.members = members;
    const port = ports[0]?.get('OUTSIDE');
    this.outside = port === undefined ? undefined : { host: '127.0.0.1', port };
    this.#jars = jars;
    this.#directory = directory;
    this.security = security && {
      ...security,
      listeners: {
        SSL: addresses('SSL'),
        SASL_PLAINTEXT: addresses('SASL_PLAINTEXT'),
        SASL_SSL: addresses('SASL_SSL'),
      },
    };
  }

  /** Resolves when every broker takes requests. Rejects with the end of its log when one does not come up. */
  static async start(options: KafkaServerOptions = {}): Promise<KafkaServer> {
    requirePrograms('java');
    const jars = await kafkaJars();
    const directory = new ServerDirectory('kafka');
    try {
      const server = new KafkaServer(await prepare(jars, directory, options));
      await Promise.all(server.members.map((member) => member.start()));
      return server;
    } catch (error) {
      await directory.remove();
      throw error;
    }
  }

  get directory(): string {
    return this.#directory.path;
  }

  /** Process id of the first broker. */
  get pid(): number {
    return this.members[0]?.pid ?? 0;
  }

  /** Whether every broker does. */
  get isRunning(): boolean {
    return this.members.every((member) => member.isRunning);
  }

  /** SIGKILL for every broker. */
  async kill(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
  }

  /** Starts every broker again on its port and data; those that run are shut down first. */
  async restart(): Promise<void> {
    // The first is their controller: without it the others would wait for its leave to go.
    for (const member of this.members.toReversed()) await member.shutDown();
    await Promise.all(this.members.map((member) => member.start()));
  }

  /** SIGSTOP for every broker. */
  pause(): void {
    for (const member of this.members) member.pause();
  }

  /** SIGCONT for every broker. */
  resume(): void {
    for (const member of this.members) member.resume();
  }

  /** Kills the brokers and removes their data. */
  async stop(): Promise<void> {
    await this.#directory.remove();
  }

  /** Runs one of Java's tools on this server: see `runTool`. */
  run(tool: ToolOrClass, args: readonly string[], input?: string): Promise<string> {
    return runTool(this.#jars, this.brokers, tool, args, input);
  }
}
