import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { commandLine, jsonLines, smallWorld } from '../testing/command-line.ts';
import { watched } from './testing/watched.ts';

type Step = {
  readonly cause: { readonly topic: string; readonly partition: number; readonly offset: number };
  readonly value: Readonly<Record<string, unknown>>;
};

describe('why', { concurrency: 2, timeout: 600_000 }, () => {
  it('names the records that made a row, in order, with the row after each', async (t) => {
    const world = watched(t);
    await world.watch(['ann', 30, 1], ['bob', 50, 2], ['ann', 100, 3]);
    await world.settle();
    await world.watch(['ann', 0, 4]);
    await world.settle();
    const why = async (...args: readonly string[]) => {
      const { code, out, err } = await world.print([
        'why',
        'total',
        ...args,
        '--topology',
        'topology.ts',
        '--json',
      ]);
      return { code, err, steps: jsonLines<Step>(out) };
    };
    const { code, steps, err } = await why('ann');
    assert.equal(code, 0, err);
    assert.deepEqual(
      steps.map(({ value }) => value),
      [
        { seconds: 30, views: 1 },
        { seconds: 230, views: 2 },
        { seconds: 230, views: 3 },
      ],
    );
    const places = steps.map(({ cause: { topic, partition } }) => `${topic}/${partition}`);
    assert.equal(new Set(places).size, 1);
    const offsets = steps.map(({ cause }) => cause.offset);
    assert.deepEqual(
      offsets,
      offsets.toSorted((a, b) => a - b),
    );
    const read = await world.withLog(async (log) => {
      const consumer = await log.consumer();
      const [{ partition } = { partition: 0 }] = steps.map(({ cause }) => cause);
      consumer.assign([{ topic: 'views', partition, offset: offsets[1] ?? 0 }]);
      const [batch] = await consumer.poll(1_000);
      await consumer.close();
      return [batch?.keyText(0), batch?.timestamp(0)];
    });
    assert.deepEqual(read, ['ann', 3]);

    assert.deepEqual(
      (await why('ann', 'seconds')).steps.map(({ value }) => value),
      [{ seconds: 30 }, { seconds: 230 }],
    );
    assert.equal((await why('ann', '--as-of', '1970-01-01T00:00:00.002Z')).steps.length, 1);
    assert.deepEqual([(await why('nobody')).code, (await why('nobody')).steps], [1, []]);
    assert.match((await world.print(['why', 'other', 'ann', '--topology', 'topology.ts'])).err, /MR_USAGE/);
  });

  it('explains a view of the product, as an answer has it', async (t) => {
    const world = commandLine(t, smallWorld);
    const live = world.begin(['start']);
    await live.until(/^Serving +http:/m);
    const { code, out, err } = await world.print(['why', 'item-features', 'i1', '--json']);
    assert.equal(code, 0, err);
    const steps = jsonLines<Step>(out);
    const shown = await world.print(['features', 'get', 'item', 'i1', '--json']);
    assert.ok(steps.length > 1);
    assert.equal(typeof Object.values(steps.at(-1)?.value ?? {})[0], 'number', shown.out);
    assert.equal((await live.signal('SIGINT')).code, 0);
  });
});
