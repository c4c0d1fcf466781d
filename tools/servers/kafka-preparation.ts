/** The files of a cluster of brokers, written before it starts: configuration, certificate, formatted data directories. */
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeCertificate } from './certificate.ts';
import { KafkaBroker } from './kafka-broker.ts';
import {
  type Address,
  type BrokerConfiguration,
  brokerProperties,
  type Listener,
  type User,
} from './kafka-configuration.ts';
import { javaArguments } from './kafka-tools.ts';
import { serverPort } from './port.ts';
import { runToEnd } from './programs.ts';
import type { ServerDirectory } from './server-directory.ts';

export type KafkaServerOptions = {
  /** How many brokers the cluster has; 1 by default. The first is the controller too. */
  readonly brokers?: number;
  /** Listeners with TLS, with SASL and with both beside the plain one. */
  readonly security?: boolean;
  /**
   * For a single broker: another plain listener, whose clients are told to come to this address. There a test puts what
   * leads to `KafkaServer.outside`, a bad network for example.
   */
  readonly outside?: Address;
  /** Added to each broker's configuration. */
  readonly properties?: Readonly<Record<string, string | number>>;
  /** Levels of features, where they are not to be the newest: `{ 'transaction.version': 0 }` is as Kafka 3 has it. */
  readonly features?: Readonly<Record<string, number>>;
  /** Arguments of each broker's JVM; by default those of a small one that is quick to start. */
  readonly jvm?: readonly string[];
};

export type Parts = {
  readonly jars: string;
  readonly directory: ServerDirectory;
  readonly members: readonly KafkaBroker[];
  readonly ports: readonly ReadonlyMap<Listener, number>[];
  readonly security: (User & { readonly ca: string }) | undefined;
};

/** The second compiler would cost a broker that lives for a test more than it saves it. */
const SMALL_JVM = ['-Xms128m', '-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];

const user: User = { username: 'millrace', password: 'millrace-secret' };

/** Leaves the brokers ready to be started. */
export async function prepare(
  jars: string,
  directory: ServerDirectory,
  {
    brokers = 1,
    security = false,
    outside,
    properties = {},
    features = {},
    jvm = SMALL_JVM,
  }: KafkaServerOptions,
): Promise<Parts> {
  const listeners: readonly Listener[] = [
    'PLAINTEXT',
    ...(outside === undefined ? [] : (['OUTSIDE'] as const)),
    ...(security ? (['SSL', 'SASL_PLAINTEXT', 'SASL_SSL'] as const) : []),
  ];
  const secured = security ? await certify(directory.path) : undefined;
  const controllerPort = await serverPort();
  const configurations: BrokerConfiguration[] = [];
  for (let id = 1; id <= brokers; id++) {
    const ports = new Map<Listener, number>();
    for (const listener of listeners) ports.set(listener, await serverPort());
    const data = join(directory.path, `data-${id}`);
    configurations.push({
      id,
      brokers,
      directory: data,
      controllerPort,
      ports,
      outside,
      security: secured,
      properties,
    });
  }
  const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A');
  const members = await Promise.all(
    configurations.map((each) => format(jars, clusterId, directory, each, features, jvm)),
  );
  return {
    jars,
    directory,
    members,
    ports: configurations.map(({ ports }) => ports),
    security: secured && { ...user, ca: secured.trustStore },
  };
}

/** Kafka wants key and certificate in one file. */
async function certify(path: string): Promise<NonNullable<BrokerConfiguration['security']>> {
  const { certificate, key } = await makeCertificate(path);
  const keyStore = join(path, 'keystore.pem');
  await writeFile(keyStore, `${await readFile(key, 'utf8')}${await readFile(certificate, 'utf8')}`);
  return { keyStore, trustStore: certificate, user };
}

/** Prepares a broker's data directory, and says how it is started. */
async function format(
  jars: string,
  clusterId: string,
  directory: ServerDirectory,
  configuration: BrokerConfiguration,
  features: Readonly<Record<string, number>>,
  jvm: readonly string[],
): Promise<KafkaBroker> {
  const { id, security } = configuration;
  const path = join(directory.path, `broker-${id}.properties`);
  await writeFile(path, brokerProperties(configuration));
  const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => {
    return ['--add-scram', `${mechanism}=[name=${user.username},password=${user.password}]`];
  });
  const levels = Object.entries(features).flatMap(([name, level]) => ['--feature', `${name}=${level}`]);
  const args = ['format', '-t', clusterId, '-c', path, ...levels, ...(security === undefined ? [] : scram)];
  await runToEnd('java', javaArguments(jars, 'kafka.tools.StorageTool', args));
  return new KafkaBroker(id, directory, [
    ...jvm,
    '-Dlevel=info',
    `-Dlog4j2.configurationFile=${join(import.meta.dirname, 'log4j2.properties')}`,
    ...['-cp', join(jars, '*'), 'kafka.Kafka', path],
  ]);
}
