import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import type { Connection } from '@platformatic/kafka';
import { type Clock, errorCode, systemClock } from '#platform';
import { eventually } from '#platform/testing';
import { ownKafka } from '#servers';
import type { Log, ProducerRecord } from '../../port.ts';
import { KafkaLog, openKafkaLog } from '../kafka-log.ts';
import { Load } from '../producing/testing/load.ts';
import { Cluster } from './cluster.ts';
import { parseKafkaUrl } from './kafka-options.ts';

const environment = { clock: systemClock, random: Math.random };
/** Who comes without a login may do everything, as the brokers themselves; others what a list allows. */
const properties = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': 'User:ANONYMOUS',
};
/** Before the names of all that the tests make. */
const PREFIX = 'p';
/** What docs/KAFKA.md says is needed. */
const RIGHTS = [
  '--topic p --operation Create --operation Describe --operation DescribeConfigs --operation Read --operation Write',
  '--group p --operation Read',
  '--transactional-id p --operation Write --operation Describe',
];
const ACLS = 'org.apache.kafka.tools.AclCommand';
/** So short that a client has to log in again while it works. */
const LOGIN_LASTS_MS = 1_000;

const record = (value: string): ProducerRecord => ({ key: null, value: Buffer.from(value), timestamp: 1 });

/** Everything that a client does, once. */
async function work(log: Log): Promise<void> {
  await log.createTopics([{ name: 't', partitions: 1, cleanup: { policy: 'delete', retentionMs: null } }]);
  const member = await log.joinGroup({
    group: 'g',
    metadata: Buffer.alloc(0),
    sessionTimeoutMs: 30_000,
    assign: (members) => new Map(members.map(({ memberId }) => [memberId, Buffer.from('all')])),
  });
  assert.equal(`${member.assignment}`, 'all');
  const producer = await log.producer();
  await producer.append('t', 0, [record('plain')]);
  const transactional = await log.transactionalProducer('tx');
  transactional.append('t', 0, [record('committed')]);
  transactional.sendOffsets(member, [{ topic: 't', partition: 0, offset: 1 }]);
  await transactional.commit();
  const consumer = await log.consumer();
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }]);
  const values: string[] = [];
  while (values.length < 2) {
    for (const batch of await consumer.poll(1_000))
      for (let i = 0; i < batch.count; i++) values.push(`${batch.value(i)}`);
  }
  assert.deepEqual(values, ['plain', 'committed']);
  const [committed] = await log.committedOffsets('g', [{ topic: 't', partition: 0 }]);
  assert.equal(committed?.offset, 1);
  await member.leave();
}

/** A socket that was left open would not go. */
async function untilNothingIsOpen(): Promise<void> {
  await eventually(() => !process.getActiveResourcesInfo().includes('TCPSocketWrap'));
}

/** Time runs ten times as fast. */
const impatient: Clock = {
  now: () => systemClock.now(),
  monotonic: () => 10 * systemClock.monotonic(),
  sleep: (ms, signal) => systemClock.sleep(ms / 10, signal),
};

async function assertRefused(url: string, message: RegExp): Promise<void> {
  const opening = openKafkaLog(parseKafkaUrl(url), { ...environment, clock: impatient });
  await assert.rejects(opening, (error) => {
    assert.equal(errorCode(error), 'MR_KAFKA_LOGIN', inspect(error));
    assert.match(String(error), message);
    // Nor does what lies below it.
    assert.doesNotMatch(inspect(error, { depth: 20 }), /millrace-secret|wrong-word/);
    return true;
  });
  await untilNothingIsOpen();
}

test('Kafka that wants to know who comes', { timeout: 180_000 }, async (t) => {
  const kafka = await ownKafka(t, {
    security: true,
    properties: { ...properties, 'connections.max.reauth.ms': LOGIN_LASTS_MS },
  });
  if (kafka?.security === undefined) return;
  const { listeners, username, password, ca } = kafka.security;
  const login = `${username}:${password}@`;
  const { SSL, SASL_PLAINTEXT, SASL_SSL } = listeners;
  const allowed = [
    '--add',
    '--force',
    '--allow-principal',
    `User:${username}`,
    '--resource-pattern-type',
    'prefixed',
  ];
  await Promise.all(RIGHTS.map((each) => kafka.run(ACLS, [...allowed, ...each.split(' ')])));
  let prefixes = 0;
  const opened = async (t: TestContext, url: string) => {
    const log = await openKafkaLog(parseKafkaUrl(`${url}&prefix=${PREFIX}${prefixes++}.`), environment);
    t.after(() => log.close());
    return log;
  };

  for (const [name, url] of [
    ['TLS', `kafka://${SSL}?ca=${ca}`],
    ['PLAIN', `kafka://${login}${SASL_PLAINTEXT}?sasl=PLAIN`],
    ['SCRAM-SHA-256', `kafka://${login}${SASL_PLAINTEXT}?sasl=SCRAM-SHA-256`],
    ['SCRAM-SHA-512', `kafka://${login}${SASL_PLAINTEXT}?sasl=SCRAM-SHA-512`],
    ['TLS and PLAIN', `kafka://${login}${SASL_SSL}?ca=${ca}&sasl=PLAIN`],
    ['TLS and SCRAM-SHA-512', `kafka://${login}${SASL_SSL}?ca=${ca}`],
  ] as const) {
    await t.test(`lets in by ${name}, also by the name of the host`, async (t) => {
      await work(await opened(t, url));
      const named = url.replace('127.0.0.1', 'localhost');
      await (await opened(t, named)).close();
    });
  }

  for (const [name, url, message] of [
    ['a wrong password, PLAIN', `kafka://${username}:wrong-word@${SASL_PLAINTEXT}?sasl=PLAIN`, /[Ii]nvalid/],
    ['a wrong password, SCRAM', `kafka://${username}:wrong-word@${SASL_SSL}?ca=${ca}`, /invalid credentials/],
    ['a user that there is not', `kafka://nobody:${password}@${SASL_PLAINTEXT}`, /invalid credentials/],
    ['a certificate that is not trusted', `kafka://${SSL}?tls=true`, /self-signed certificate/],
    ['a user where none is required', `kafka://${login}${kafka.brokers}`, /they require no login/],
    ['a client in the clear at a TLS port', `kafka://${SSL}`, /they speak TLS/],
    ['a TLS client at a port in the clear', `kafka://${kafka.brokers}?ca=${ca}`, /ends every .* encrypted/],
    ['a client without a login', `kafka://${SASL_PLAINTEXT}`, /ends every .* without a login/],
  ] as const) {
    await t.test(`refuses ${name}, at once and without showing a password`, () =>
      assertRefused(url, message),
    );
  }

  await t.test('is worked with for longer than a login lasts', async (t) => {
    const options = parseKafkaUrl(`kafka://${login}${SASL_SSL}?ca=${ca}&prefix=${PREFIX}longer.`);
    const cluster = new CountingCluster(options, environment);
    const log = new KafkaLog(cluster);
    t.after(() => log.close());
    await cluster.refresh([]);
    const load = new Load(log);
    await load.start();
    do await load.goesOn();
    while (cluster.logins < 6);
    await load.finish();
  });

  await t.test('says which right is missing', async (t) => {
    const log = await opened(t, `kafka://${login}${SASL_PLAINTEXT}?sasl=PLAIN`);
    const prefix = `${PREFIX}${prefixes - 1}.`;
    await log.createTopics([
      { name: 'secret', partitions: 1, cleanup: { policy: 'delete', retentionMs: null } },
    ]);
    const denied = ['--deny-principal', `User:${username}`, '--operation', 'All'];
    const resources = [
      '--topic',
      `${prefix}secret`,
      '--group',
      `${prefix}g`,
      '--transactional-id',
      `${prefix}tx`,
    ];
    await kafka.run(ACLS, ['--add', '--force', ...denied, ...resources]);
    const forbidden = (name: string) => (error: unknown) => {
      assert.equal(errorCode(error), 'MR_KAFKA_FORBIDDEN', inspect(error));
      assert.match(String(error), new RegExp(name));
      return true;
    };
    const producer = await log.producer();
    const isTopic = forbidden('TOPIC_AUTHORIZATION_FAILED');
    await assert.rejects(producer.append('secret', 0, [record('x')]), isTopic);
    const consumer = await log.consumer();
    consumer.assign([{ topic: 'secret', partition: 0, offset: 0 }]);
    await assert.rejects(async () => {
      for (;;) await consumer.poll(1_000);
    }, isTopic);
    const isId = forbidden('TRANSACTIONAL_ID_AUTHORIZATION_FAILED');
    await assert.rejects(log.transactionalProducer('tx'), isId);
    const isGroup = forbidden('GROUP_AUTHORIZATION_FAILED');
    await assert.rejects(log.committedOffsets('g', [{ topic: 'secret', partition: 0 }]), isGroup);
  });
});

/** Counts how often its connections have logged in again. */
class CountingCluster extends Cluster {
  logins = 0;
  readonly #known = new WeakSet<Connection>();

  override async connection(broker: number, purpose: string): Promise<Connection> {
    const connection = await super.connection(broker, purpose);
    if (!this.#known.has(connection)) connection.on('sasl:authentication:extended', () => this.logins++);
    this.#known.add(connection);
    return connection;
  }
}
