import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import type { TopicRecord } from '#engine';
import { redisServer } from '#servers';
import { openWorld, userRowsTopic } from '../../testing/world.ts';
import { type Keyspace, newGeneration, shardOf } from './keyspace.ts';
import { marksOf } from './progress.ts';
import { decodeRow } from './row-format.ts';
import { RowWriter } from './row-writer.ts';
import { makeMark, sealShard } from './scripts.ts';
import { encodeMark } from './shard-mark.ts';
import { ownNamespace, redisViews } from './testing/redis-views.ts';

type Write = { readonly writer: number; readonly from: number; readonly count: number };

describe('RowWriter', { timeout: 180_000 }, () => {
  it('leaves the newest row of each key, however two writers write and write again', async (t) => {
    const opened = await openGeneration(t);
    if (opened === undefined) return;
    const { environment, view, mark } = opened;
    const { connection, keys } = environment;
    const record = fc.record({
      key: fc.constantFrom('a', 'b', 'ü', 'long'.repeat(20)),
      // One key comes from one partition, but for producers that don't agree.
      partition: fc.constantFrom(0, 0, 0, 0, 1),
      value: fc.option(fc.uint8Array({ maxLength: 20 })),
    });
    const write = fc.record({ writer: fc.nat(1), from: fc.nat(30), count: fc.integer({ min: 1, max: 8 }) });
    const property = fc.asyncProperty(
      fc.array(record, { minLength: 1, maxLength: 30 }),
      fc.array(write, { maxLength: 20 }),
      async (records, writes) => {
        const generation = newGeneration();
        await mark(generation);
        const writers = [0, 1].map(() => new RowWriter(environment, generation));
        const log = records.map(({ key, partition, value }, i): TopicRecord<string, Buffer> => {
          const offset = records.slice(0, i).filter((each) => each.partition === partition).length * 3;
          const bytes = value === null ? null : Buffer.from(value);
          return { topic: view.topic.name, partition, offset, key, value: bytes, timestamp: i };
        });
        const put = async ({ writer, from, count }: Write) =>
          writers[writer]?.write(view, log.slice(from, from + count), { expire: writer === 0 });
        // Some stretches at once, some after another, any of them again; then each partition to its end by one of them.
        for (let i = 0; i < writes.length; i += 2) await Promise.all(writes.slice(i, i + 2).map(put));
        await put({ writer: 0, from: 0, count: log.length });
        await Promise.all(writes.map(put));
        for (const key of new Set(records.map((each) => each.key))) {
          const own = log.filter((each) => each.key === key);
          const newest = [0, 1].flatMap(
            (partition) => own.findLast((each) => each.partition === partition) ?? [],
          );
          const bytes = await connection.get(keys.row(markOf(keys, generation, key), view.topic.name, key));
          const stored = bytes && decodeRow(bytes);
          assert.ok(stored);
          assert.ok(
            newest.some(({ partition, offset, value }) => {
              const isSame = stored.partition === partition && stored.offset === offset;
              return isSame && (value === null ? stored.value === null : stored.value?.equals(value));
            }),
            `${key} has offset ${stored.offset} of partition ${stored.partition}`,
          );
        }
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });

  it('lets rows and tombstones expire, but rows of another time only when they are told to', async (t) => {
    const opened = await openGeneration(t);
    if (opened === undefined) return;
    const { environment, view, mark, ttl } = opened;
    const generation = newGeneration();
    await mark(generation);
    const writer = new RowWriter(environment, generation);
    const put = (key: string, offset: number, value: Buffer | null, expire: boolean) =>
      writer.write(view, [{ topic: view.topic.name, partition: 0, offset, key, value, timestamp: 0 }], {
        expire,
      });
    await put('live', 1, Buffer.from('row'), true);
    await put('past', 1, Buffer.from('row'), false);
    await put('gone', 1, null, false);
    const DAY_MS = 86_400_000;
    assert.ok((await ttl(generation, 'live')) > 365 * DAY_MS);
    assert.equal(await ttl(generation, 'past'), -1);
    assert.ok((await ttl(generation, 'gone')) > 7 * DAY_MS);
    await put('gone', 2, Buffer.from('row'), false);
    assert.equal(await ttl(generation, 'gone'), -1);
  });

  it('takes the place of what is no row, and writes nothing where the shard is sealed or gone', async (t) => {
    const opened = await openGeneration(t);
    if (opened === undefined) return;
    const { environment, view, mark, damage } = opened;
    const { connection, keys } = environment;
    const generation = newGeneration();
    const writer = new RowWriter(environment, generation);
    const put = (key: string, offset: number) => {
      const value = Buffer.from(`row ${offset}`);
      return writer.write(
        view,
        [{ topic: view.topic.name, partition: 0, offset, key, value, timestamp: 0 }],
        {
          expire: false,
        },
      );
    };
    await assert.rejects(put('a', 1), { code: 'MR_VIEWS_CHANGED' });
    await mark(generation);
    const key = keys.row(markOf(keys, generation, 'a'), view.topic.name, 'a');
    for (const kind of ['text', 'list'] as const) {
      await damage(key, kind);
      await put('a', 1);
      assert.equal(decodeRow((await connection.get(key)) as Buffer)?.offset, 1);
    }
    for (const each of marksOf(keys, generation, 'user')) await connection.run(sealShard, [each], []);
    await assert.rejects(put('a', 2), /sealed/);
    assert.equal(decodeRow((await connection.get(key)) as Buffer)?.offset, 1);
  });
});

function markOf(keys: Keyspace, generation: string, key: string): string {
  return keys.mark(generation, 'user', shardOf(key));
}

async function openGeneration(t: TestContext) {
  const redis = await redisServer(t);
  if (redis === undefined) return undefined;
  const url = ownNamespace(redis.url);
  const { environment } = await redisViews(t, await openWorld(t), url);
  const { connection, keys, views } = environment;
  const view = views.find(({ topic }) => topic.name === userRowsTopic);
  assert.ok(view);
  const client = new Redis(url.split('?')[0] as string);
  t.after(() => client.disconnect());
  return {
    environment,
    view,
    async mark(generation: string): Promise<void> {
      const progress = encodeMark({ savedAt: 0, watermark: 0, offsets: [] });
      const marks = marksOf(keys, generation, 'user');
      await Promise.all(marks.map((each) => connection.run(makeMark, [each], [progress])));
    },
    ttl: (generation: string, key: string) =>
      client.pttl(keys.row(markOf(keys, generation, key), view.topic.name, key)),
    async damage(key: string, kind: 'text' | 'list'): Promise<void> {
      await client.del(key);
      if (kind === 'text') await client.set(key, 'no row at all, but long enough to be one');
      else await client.lpush(key, 'no row');
    },
  };
}
