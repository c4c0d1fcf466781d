import assert from 'node:assert/strict';
import { it } from 'node:test';
import { recordsIn } from '#log/testing';
import { DEAD_LETTER_HEADERS, deadLetterHeaders } from './dead-letter-headers.ts';
import { deadLetterTopic } from './dead-letter-topic.ts';
import { TopologyDriver } from './testing/driver.ts';
import { jsonTopic } from './testing/json-topic.ts';
import { TopologyBuilder } from './topology/builder.ts';

/** As Kafka Streams' ExceptionHandlerUtils has them. */
const NAMES = ['exception', 'stacktrace', 'message', 'topic', 'partition', 'offset'];

it('a dead letter of a task has the headers of one of Kafka Streams', async () => {
  const input = jsonTopic<number>('input');
  const driver = await TopologyDriver.open(async (log) => {
    await log.createTopics([input]);
    const builder = new TopologyBuilder({ name: 'failing', generation: 1 });
    builder.source(input).map((n) => {
      if (n === 2) throw new TypeError('two');
      return n;
    });
    return builder.build();
  });
  await driver.pipe(input, ['a', 1, 10], ['a', 2, 11], ['a', 3, 12]);
  await driver.settle();
  const letters = await recordsIn(driver.log, { topic: 'dead-letters', partition: 0 });
  assert.equal(letters.length, 1);
  const headers = Object.fromEntries(
    letters[0]?.record.headers.map(([name, value]) => [name, value.toString()]) ?? [],
  );
  assert.deepEqual(
    Object.keys(headers),
    NAMES.map((name) => `__streams.errors.${name}`),
  );
  assert.match(headers['__streams.errors.stacktrace'] ?? '', /^TypeError: two\n +at /);
  const { '__streams.errors.stacktrace': _, ...others } = headers;
  assert.deepEqual(others, {
    '__streams.errors.exception': 'TypeError',
    '__streams.errors.message': 'two',
    '__streams.errors.topic': 'input',
    '__streams.errors.partition': '0',
    '__streams.errors.offset': '1',
  });
  await driver.close();
});

it('a letter has the time at which it was sent, and says that of its record', async () => {
  const input = jsonTopic<number>('input');
  const driver = await TopologyDriver.open(
    async (log) => {
      await log.createTopics([input]);
      const builder = new TopologyBuilder({ name: 'failing', generation: 1 });
      builder.source(input).map(() => {
        throw new TypeError('always');
      });
      return builder.build();
    },
    { wallClockMs: 1_000 },
  );
  await driver.pipe(input, ['a', 1, 10]);
  await driver.settle();
  const [letter] = await recordsIn(driver.log, { topic: 'dead-letters', partition: 0 });
  assert.equal(letter?.record.timestamp, 1_000);
  const topic = await deadLetterTopic(driver.log.registry);
  assert.equal(topic.value.decode(letter?.record.value ?? Buffer.of()).timestamp, 10);
  await driver.close();
});

it('what was thrown without being an error has headers all the same', () => {
  const letter = { topic: 't', partition: 3, offset: 2 ** 40, message: 'why' };
  const headers = new Map(deadLetterHeaders(letter, 'why').map(([name, value]) => [name, value.toString()]));
  assert.equal(headers.get(DEAD_LETTER_HEADERS.exception), 'string');
  assert.equal(headers.get(DEAD_LETTER_HEADERS.stacktrace), '');
  assert.equal(headers.get(DEAD_LETTER_HEADERS.offset), '1099511627776');
});

it('a deep stack is cut', () => {
  const error = new Error('deep');
  error.stack = 'x'.repeat(100_000);
  const [, stack] =
    deadLetterHeaders({ topic: 't', partition: 0, offset: 0, message: '' }, error).find(
      ([name]) => name === DEAD_LETTER_HEADERS.stacktrace,
    ) ?? assert.fail();
  assert.equal(stack.length, 4_000);
});
