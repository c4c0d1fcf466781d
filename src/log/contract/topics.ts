import assert from 'node:assert/strict';
import { at, type ContractTest, compact, hasCode, keepForEver, readToEnd, text, values } from './opened.ts';

/** Topics: creating, describing, deleting, and finding an offset by time. */
export function topicTests(contract: ContractTest): void {
  contract('createTopics creates what is missing and leaves what is there', async ({ log }) => {
    const first = { name: 'first', partitions: 2, cleanup: keepForEver };
    const second = { name: 'second', partitions: 1, cleanup: compact };
    await log.createTopics([first]);
    const producer = await log.producer();
    await producer.append('first', 1, [text('kept')]);
    await log.createTopics([first, second, second]);
    const described = await log.describeTopics();
    const byName = new Map(described.map(({ offsets, ...spec }) => [spec.name, { spec, offsets }]));
    assert.deepEqual([...byName.keys()].sort(), ['first', 'second']);
    assert.deepEqual(byName.get('first')?.spec, first);
    assert.deepEqual(byName.get('second')?.spec, second);
    assert.deepEqual(byName.get('second')?.offsets, [{ start: 0, stable: 0, end: 0 }]);
    assert.deepEqual(values(await readToEnd(log, [at('first', 1)])), ['kept']);
  });

  contract('createTopics takes what knows more of a topic than the log needs', async ({ log }) => {
    const spec = { name: 'typed', partitions: 1, cleanup: keepForEver };
    await log.createTopics([{ ...spec, ...{ decode: (bytes: Buffer) => bytes.toString() } }]);
    const [{ offsets: _, ...described } = { offsets: [] }] = await log.describeTopics(['typed']);
    assert.deepEqual(described, spec);
  });

  contract('a topic that exists with another shape is refused', async ({ log }) => {
    const spec = { name: 'shaped', partitions: 2, cleanup: keepForEver };
    await log.createTopics([spec]);
    for (const other of [
      { partitions: 3 },
      { cleanup: compact },
      { cleanup: { policy: 'delete', retentionMs: 5 } as const },
    ]) {
      const mismatch = log.createTopics([
        { name: 'new', partitions: 1, cleanup: keepForEver },
        { ...spec, ...other },
      ]);
      await assert.rejects(mismatch, hasCode('MR_LOG_TOPIC_MISMATCH'));
    }
    assert.deepEqual((await log.describeTopics(['shaped']))[0]?.partitions, 2);
  });

  contract('names and numbers of partitions that no topic can have are refused', async ({ log }) => {
    for (const [name, partitions] of [
      ['', 1],
      ['a b', 1],
      ['ok', 0],
      ['ok', 1.5],
    ] as const) {
      const invalid = log.createTopics([{ name, partitions, cleanup: keepForEver }]);
      await assert.rejects(invalid, hasCode('MR_LOG_INVALID_TOPIC'));
    }
  });

  contract('an unknown topic or partition is refused everywhere', async ({ log }) => {
    await log.createTopics([{ name: 'known', partitions: 1, cleanup: keepForEver }]);
    const unknown = hasCode('MR_LOG_UNKNOWN_TOPIC');
    await assert.rejects(log.describeTopics(['known', 'unknown']), unknown);
    await assert.rejects(log.deleteTopics(['unknown']), unknown);
    await assert.rejects(log.offsetForTimestamp(at('unknown'), 0), unknown);
    const producer = await log.producer();
    await assert.rejects(producer.append('unknown', 0, [text('a')]), unknown);
    await assert.rejects(producer.append('known', 1, [text('a')]), unknown);
    const consumer = await log.consumer();
    consumer.assign([{ ...at('known', 1), offset: 0 }]);
    await assert.rejects(consumer.poll(10), unknown);
  });

  contract('a deleted topic is gone, and one created again under its name is empty', async ({ log }) => {
    const spec = { name: 'again', partitions: 1, cleanup: keepForEver };
    await log.createTopics([spec, { ...spec, name: 'other' }]);
    const producer = await log.producer();
    await producer.append('again', 0, [text('old'), text('older')]);
    await producer.append('other', 0, [text('kept')]);
    await log.deleteTopics(['again']);
    await assert.rejects(log.describeTopics(['again']), hasCode('MR_LOG_UNKNOWN_TOPIC'));
    assert.deepEqual(
      (await log.describeTopics()).map((topic) => topic.name),
      ['other'],
    );
    await log.createTopics([spec]);
    assert.deepEqual((await log.describeTopics(['again']))[0]?.offsets, [{ start: 0, stable: 0, end: 0 }]);
    const { baseOffset } = await producer.append('again', 0, [text('new')]);
    assert.equal(baseOffset, 0);
    assert.deepEqual(values(await readToEnd(log, [at('again')])), ['new']);
    assert.deepEqual(values(await readToEnd(log, [at('other')])), ['kept']);
  });

  contract('describeTopics tells where a partition starts and ends', async ({ log }) => {
    await log.createTopics([{ name: 'measured', partitions: 1, cleanup: keepForEver }]);
    const producer = await log.producer();
    const { nextOffset } = await producer.append('measured', 0, [text('a'), text('b')]);
    await readToEnd(log, [at('measured')]);
    const [description] = await log.describeTopics(['measured']);
    const offsets = description?.offsets[0];
    assert.equal(offsets?.start, 0);
    assert.ok((offsets?.end ?? 0) >= nextOffset);
    assert.ok((offsets?.stable ?? 0) <= (offsets?.end ?? 0));
  });

  contract(
    'offsetForTimestamp gives the first offset at or after a time, whatever the order of times',
    async ({ log }) => {
      await log.createTopics([{ name: 'timed', partitions: 1, cleanup: keepForEver }]);
      const producer = await log.producer();
      const times = [100, 300, 200, 500, 400];
      const offsets: number[] = [];
      for (const time of times)
        offsets.push((await producer.append('timed', 0, [text(`${time}`, time)])).baseOffset);
      const { baseOffset } = await producer.append('timed', 0, [
        text('600', 600),
        text('650', 650),
        text('700', 700),
      ]);
      const find = (time: number) => log.offsetForTimestamp(at('timed'), time);
      assert.equal(await find(0), offsets[0]);
      assert.equal(await find(100), offsets[0]);
      assert.equal(await find(101), offsets[1]);
      assert.equal(await find(301), offsets[3]);
      assert.equal(await find(501), baseOffset);
      assert.equal(await find(620), baseOffset + 1);
      const [description] = await log.describeTopics(['timed']);
      assert.equal(await find(701), description?.offsets[0]?.end);
    },
  );
}
