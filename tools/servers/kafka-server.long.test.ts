import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, type KafkaConfig, logLevel, type SASLOptions } from 'kafkajs';
import { kafkaServer, ownKafka } from './for-tests.ts';
import { runKcat } from './kafka-tools.ts';
import { allGone, isStopped } from './testing/processes.ts';

// kafkajs sets timers to times that have passed, and Node warns of each.
process.removeAllListeners('warning');

const limit = { timeout: 180_000 };

describe('KafkaServer', () => {
  it('keeps its records over a kill, on the same port, and leaves nothing behind', limit, async (t) => {
    const kafka = await ownKafka(t);
    if (kafka === undefined) return;
    const { brokers, url, pid } = kafka;
    assert.equal(url, `kafka://${brokers}`);
    await kafka.run('kafka-topics', ['--create', '--topic', 'words', '--partitions', '1']);
    await kafka.run('kafka-console-producer', ['--topic', 'words'], 'one\ntwo\n');

    await kafka.kill();
    assert.equal(kafka.isRunning, false);
    await kafka.restart();
    assert.notEqual(kafka.pid, pid);
    assert.equal(kafka.brokers, brokers);
    const consumer = ['--topic', 'words', '--from-beginning', '--max-messages', '2'];
    assert.equal(await kafka.run('kafka-console-consumer', consumer), 'one\ntwo\n');

    kafka.pause();
    await isStopped(kafka.pid);
    kafka.resume();
    assert.equal(await runKcat(brokers, ['-C', '-t', 'words', '-e', '-q']), 'one\ntwo\n');

    await kafka.stop();
    await allGone([pid, kafka.pid], [kafka.directory]);
  });

  it('lets in by TLS, PLAIN and SCRAM who has the certificate and the password', limit, async (t) => {
    const { security } = (await ownKafka(t, { security: true })) ?? {};
    if (security === undefined) return;
    const { listeners, username, password } = security;
    const ssl = { ca: readFileSync(security.ca, 'utf8') };
    assert.deepEqual(await topicsBy(listeners.SSL, { ssl }), []);
    await assert.rejects(topicsBy(listeners.SSL, { ssl: true }), /self-signed/);
    for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
      // One each time: kafkajs keeps what it makes of it inside.
      const sasl = (word: string) => ({ mechanism, username, password: word }) as SASLOptions;
      assert.deepEqual(await topicsBy(listeners.SASL_PLAINTEXT, { sasl: sasl(password) }), []);
      assert.deepEqual(await topicsBy(listeners.SASL_SSL, { ssl, sasl: sasl(password) }), []);
      await assert.rejects(topicsBy(listeners.SASL_PLAINTEXT, { sasl: sasl('wrong') }), /authentication/i);
    }
  });

  it('is a cluster of several brokers, of which one takes over from the other', limit, async (t) => {
    const kafka = await ownKafka(t, { brokers: 2 });
    if (kafka === undefined) return;
    const [first = '', second = '', ...more] = kafka.brokers.split(',');
    assert.ok(first !== second && more.length === 0);
    await kafka.run('kafka-topics', ['--create', '--topic', 'words', '--replica-assignment', '2:1']);
    const leader = async () => /"leader":(\d)/.exec(await runKcat(first, ['-L', '-J', '-t', 'words']))?.[1];
    assert.equal(await leader(), '2');
    await kafka.members[1]?.kill();
    while ((await leader()) !== '1') await sleep(100);
    await kafka.members[1]?.restart();
    assert.equal(kafka.isRunning, true);
    await kafka.restart();
    assert.match((await leader()) ?? '', /[12]/);
  });
});

describe('the shared Kafka', () => {
  it('runs tools by name and by class, and makes no topic unasked', limit, async (t) => {
    const kafka = await kafkaServer(t);
    if (kafka === undefined) return;
    assert.match(kafka.url, /^kafka:\/\/127\.0\.0\.1:\d+$/);
    await assert.rejects(kafka.run('kafka-topics', ['--describe', '--topic', 'never-made']), /never-made/);
    await kafka.run('org.apache.kafka.tools.TopicCommand', ['--list']);
  });
});

/** By kafkajs: the kcat of Debian 12 and Ubuntu 24.04 sends a SCRAM nonce that Kafka refuses since 3.7.2. */
async function topicsBy(brokers: string, config: Omit<KafkaConfig, 'brokers'>): Promise<string[]> {
  const retry = { retries: 0 };
  const client = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING, retry, ...config });
  const admin = client.admin();
  try {
    await admin.connect();
    return await admin.listTopics();
  } finally {
    await admin.disconnect();
  }
}
