/** What a broker of the tests is told: small, quick to start, and impatient where a test would have to wait. */

export type SecuredListener = 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL';
export type Listener = 'PLAINTEXT' | 'OUTSIDE' | SecuredListener;

export type Address = { readonly host: string; readonly port: number };

export type User = { readonly username: string; readonly password: string };

export type BrokerConfiguration = {
  /** From 1; the first one is the controller too. */
  readonly id: number;
  /** How many brokers the cluster has. */
  readonly brokers: number;
  readonly directory: string;
  readonly controllerPort: number;
  readonly ports: ReadonlyMap<Listener, number>;
  /** Where those who come by the listener OUTSIDE are told to come. */
  readonly outside: Address | undefined;
  /** With the secured listeners: a file of the certificate and its key, PEM, and the user that may come in. */
  readonly security:
    | { readonly keyStore: string; readonly trustStore: string; readonly user: User }
    | undefined;
  /** Added last. */
  readonly properties: Readonly<Record<string, string | number>>;
};

/** The text of a `server.properties`. */
export function brokerProperties(configuration: BrokerConfiguration): string {
  const properties = {
    ...cluster(configuration),
    ...network(configuration),
    ...internalTopics(configuration.brokers),
    ...patience,
    ...size,
    ...configuration.properties,
  };
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

function cluster({ id, directory, controllerPort }: BrokerConfiguration) {
  return {
    'node.id': id,
    'process.roles': id === 1 ? 'broker,controller' : 'broker',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': directory,
  };
}

function network({ id, controllerPort, ports, outside, security }: BrokerConfiguration) {
  const local = Array.from(ports, ([name, port]) => `${name}://127.0.0.1:${port}`);
  const advertised = local.map((each) =>
    each.startsWith('OUTSIDE:') ? `OUTSIDE://${outside?.host}:${outside?.port}` : each,
  );
  const controller = id === 1 ? [`CONTROLLER://127.0.0.1:${controllerPort}`] : [];
  return {
    listeners: [...local, ...controller].join(','),
    'advertised.listeners': advertised.join(','),
    'listener.security.protocol.map': [
      'CONTROLLER:PLAINTEXT',
      ...Array.from(ports.keys(), (name) => `${name}:${name === 'OUTSIDE' ? 'PLAINTEXT' : name}`),
    ].join(','),
    ...(security !== undefined && secured(security)),
  };
}

function secured({ keyStore, trustStore, user }: NonNullable<BrokerConfiguration['security']>) {
  const login = 'org.apache.kafka.common.security';
  const scram = `${login}.scram.ScramLoginModule required;`;
  const mechanisms = {
    plain: `${login}.plain.PlainLoginModule required user_${user.username}="${user.password}";`,
    'scram-sha-256': scram,
    'scram-sha-512': scram,
  };
  const modules = ['sasl_plaintext', 'sasl_ssl'].flatMap((listener) =>
    Object.entries(mechanisms).map(([mechanism, module]) => [
      `listener.name.${listener}.${mechanism}.sasl.jaas.config`,
      module,
    ]),
  );
  return {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': keyStore,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': trustStore,
    'sasl.enabled.mechanisms': Object.keys(mechanisms).join(',').toUpperCase(),
    ...Object.fromEntries(modules),
  };
}

/** Few partitions: each of them is a folder to be made before the first group or transaction can begin. */
function internalTopics(brokers: number) {
  return {
    'default.replication.factor': brokers,
    'offsets.topic.replication.factor': brokers,
    'offsets.topic.num.partitions': 2,
    'transaction.state.log.replication.factor': brokers,
    'transaction.state.log.num.partitions': 2,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.replication.factor': brokers,
    'share.coordinator.state.topic.num.partitions': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'auto.create.topics.enable': false,
  };
}

/** Sessions as short as a test likes them, and retention, compaction and expiry looked after several times a second. */
const patience = {
  'group.min.session.timeout.ms': 100,
  'group.initial.rebalance.delay.ms': 0,
  'broker.session.timeout.ms': 3000,
  'broker.heartbeat.interval.ms': 500,
  'log.initial.task.delay.ms': 500,
  'log.retention.check.interval.ms': 500,
  'log.segment.delete.delay.ms': 500,
  'log.cleaner.backoff.ms': 200,
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': 500,
};

const size = {
  'num.network.threads': 2,
  'num.io.threads': 4,
  'background.threads': 2,
  'log.cleaner.dedupe.buffer.size': 8 * 1024 * 1024,
  'log.cleaner.io.buffer.size': 512 * 1024,
};
