import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { TopologyDriver } from '../testing/driver.ts';
import { json, jsonTopic } from '../testing/json-topic.ts';
import { TopologyBuilder } from './builder.ts';
import { defineProcessor, port } from './processor.ts';

const input = jsonTopic<number>('input');
const other = jsonTopic<number>('other');
const output = jsonTopic<number>('output');
const begin = () => new TopologyBuilder({ name: 'built', generation: 1 });
const refused = (message: RegExp) => ({ code: 'MR_TOPOLOGY_INVALID', message });

describe('sinks', () => {
  it('of several streams may write one topic', async (t) => {
    const builder = begin();
    builder.source(input).to(output);
    builder
      .source(other)
      .map((n) => -n)
      .to(output);
    const driver = await TopologyDriver.open(async (log) => {
      await log.createTopics([input, other, output]);
      return builder.build();
    });
    t.after(() => driver.close());
    await driver.pipe(input, ['a', 1, 1]);
    await driver.pipe(other, ['a', 2, 2]);
    await driver.settle();
    assert.deepEqual((await driver.read(output)).map(({ value }) => value).sort(), [-2, 1]);
  });

  it('that carry the watermark write a topic alone', () => {
    const builder = begin();
    const [a, b] = [builder.source(input), builder.source(other)];
    a.to(output, { heartbeat: true });
    assert.throws(() => b.to(output), refused(/output .* watermark/));
    const another = begin();
    another.source(input).to(output);
    assert.throws(
      () => another.source(other).to(output, { heartbeat: true }),
      refused(/output .* watermark/),
    );
  });
});

it('a topic that waits for the watermark of no other is refused: it would wait for ever', () => {
  const builder = begin();
  builder
    .source(input)
    .keyBy('again', (_, key) => key, { value: json<number>(), release: 'at-watermark' })
    .to(output);
  assert.throws(() => builder.build(), refused(/again waits/));
});

it('a timer by the wall clock is for processors that say that their state depends on arrival', () => {
  const spec = defineProcessor({
    inputs: { records: port<string, number>() },
    outputs: { due: port<string, number>() },
    stores: {},
    process: { records: ({ key }, { setWallTimer }) => setWallTimer(key, 1) },
    onWallTimer: (key, dueMs, { emit }) => emit('due', key, dueMs, dueMs),
  });
  const builder = begin();
  const records = builder.source(input);
  assert.throws(
    () => builder.process('reminders', spec, { records }),
    refused(/reminders .* dependsOnArrival/),
  );
});

it('a versioned table stays one when its rows are mapped or filtered', async (t) => {
  const builder = begin();
  const rows = builder
    .source(other)
    .toTable(json<number>())
    .versioned({ historyMs: 1_000 })
    .map((n) => n * 10, json<number>())
    .filter((n) => n !== 30);
  builder
    .source(input)
    .join('as-of', rows, (n, row) => n + (row ?? 0))
    .to(output);
  const driver = await TopologyDriver.open(async (log) => {
    await log.createTopics([input, other, output]);
    return builder.build();
  });
  t.after(() => driver.close());
  await driver.pipe(other, ['a', 1, 10], ['a', 3, 20], ['a', 2, 30]);
  await driver.settle();
  await driver.pipe(input, ['a', 1, 15], ['a', 2, 25], ['a', 3, 35]);
  await driver.settle();
  assert.deepEqual(
    (await driver.read(output)).map(({ value }) => value),
    [11, 2, 23],
  );
});

describe('records without a value', () => {
  const rows = {
    ...jsonTopic<string>('rows'),
    cleanup: { policy: 'compact', tombstoneRetentionMs: 1 } as const,
  };
  const between = jsonTopic<string | null>('between');
  const texts = jsonTopic<string>('texts');

  async function run(t: TestContext, declare: (builder: TopologyBuilder) => void) {
    const driver = await TopologyDriver.open(async (log) => {
      await log.createTopics([rows, between, texts]);
      const builder = begin();
      declare(builder);
      return builder.build();
    });
    t.after(() => driver.close());
    await driver.pipe(rows, ['a', 'x', 1], ['a', null, 2]);
    await driver.settle();
    assert.deepEqual(await driver.readDeadLetters(), []);
    return (await driver.read(texts)).map(({ value }) => value);
  }

  it('go through a repartition topic as through any operator: the nulls of a table', async (t) => {
    const seen = await run(t, (builder) => {
      const changes = builder.table(rows).toStream();
      const moved = changes.keyBy('moved', (_, key) => `${key}${key}`, { value: rows.value });
      moved.map((row) => `row ${row}`).to(texts);
    });
    assert.deepEqual(seen, ['row x', 'row null']);
  });

  it('go through a topic of the user’s', async (t) => {
    const seen = await run(t, (builder) => {
      const changes = builder.table(rows).toStream().through(between);
      changes.map((row) => `row ${row}`).to(texts);
    });
    assert.deepEqual(seen, ['row x', 'row null']);
  });

  it('are kept by a source that is told to', async (t) => {
    const seen = await run(t, (builder) => {
      const changes = builder.source(rows, { nullValues: 'keep' });
      changes.map((row) => `row ${row}`).to(texts);
    });
    assert.deepEqual(seen, ['row x', 'row null']);
  });
});

describe('a name or a declaration that is refused says what to do', () => {
  const value = json<number>();
  const cases: Readonly<Record<string, readonly [(builder: TopologyBuilder) => unknown, RegExp]>> = {
    'an operator with capitals': [
      (builder) => builder.source(input).count('myCount', { value }),
      /"myCount" is no name: lower-case letters, digits and hyphens, a letter first/,
    ],
    'a store with a space': [
      (builder) => {
        const spec = {
          inputs: { records: port<string, number>() },
          outputs: {},
          stores: { 'my store': { value } },
        };
        builder.process('p', { ...spec, process: { records: () => {} } }, { records: builder.source(input) });
        builder.build();
      },
      /"my store" is no name: letters, digits and hyphens, a letter first/,
    ],
    'a topic that is read twice': [
      (builder) => [builder.source(input), builder.source(input)],
      /input is read twice: declare it once, and use the same stream or table for both/,
    ],
    'a topic that is read as a stream and as a table': [
      (builder) => [builder.source(input), builder.table(input)],
      /input is read twice/,
    ],
    'a global table that is declared twice': [
      (builder) => [builder.globalTable(input), builder.globalTable(input)],
      /global table input is declared twice: use the same object for both/,
    ],
    'an operator that is named as another': [
      (builder) => [builder.source(input).count('input', { value })],
      /a source and a processor are both named input/,
    ],
  };
  for (const [name, [declare, message]] of Object.entries(cases))
    it(name, () => assert.throws(() => declare(begin()), refused(message)));
});
