import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCode } from '#platform';
import { parseKafkaUrl } from './kafka-options.ts';

test('a host alone is enough', () => {
  assert.deepEqual(parseKafkaUrl('kafka://broker'), {
    brokers: [{ host: 'broker', port: 9092 }],
    clientId: 'millrace',
    prefix: '',
    replication: -1,
    compression: 'none',
    retention: 'topic',
  });
});

test('several brokers, ports, a user and every parameter', () => {
  const url =
    'kafka://us%40er:p%3Aw@a:1,[::1]:2,c/?prefix=eu.&client=x&tls=true&sasl=PLAIN&replication=3&compression=zstd&retention=none';
  assert.deepEqual(parseKafkaUrl(url), {
    brokers: [
      { host: 'a', port: 1 },
      { host: '::1', port: 2 },
      { host: 'c', port: 9092 },
    ],
    clientId: 'x',
    prefix: 'eu.',
    tls: {},
    sasl: { mechanism: 'PLAIN', username: 'us@er', password: 'p:w' },
    replication: 3,
    compression: 'zstd',
    retention: 'none',
  });
});

test('secrets count before what the URL says', () => {
  const { sasl } = parseKafkaUrl('kafka://user:old@a', { password: 'new' });
  assert.deepEqual(sasl, { mechanism: 'SCRAM-SHA-512', username: 'user', password: 'new' });
});

for (const url of [
  'http://a',
  'kafka://',
  'kafka://a:0',
  'kafka://a:70000',
  'kafka://a,,b',
  'kafka://a?compresion=lz4',
  'kafka://a?compression=gzip',
  'kafka://a?tls=yes',
  'kafka://a?ca=/no/such/file',
  'kafka://a?replication=0',
  'kafka://a?replication=many',
  'kafka://a?prefix=a b',
  'kafka://a?sasl=PLAIN',
  'kafka://user:secret@a?sasl=MD5',
  'kafka://user:secret@a?retention=week',
  'kafka://user:100%secret@a',
  'kafka://user:why?secret@a',
]) {
  test(`${url} is refused, and no password is shown`, () => {
    assert.throws(
      () => parseKafkaUrl(url),
      (error) => {
        assert.equal(errorCode(error), 'MR_KAFKA_URL');
        assert.ok(!String(error).includes('secret'));
        return true;
      },
    );
  });
}
