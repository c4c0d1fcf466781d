import assert from 'node:assert/strict';
import { it } from 'node:test';
import { memoryDatabases } from '#engine';
import { json } from '#engine/testing';
import { begin, openLog, start, stop, totals, views, write } from './setting.ts';

/** Seconds by user, in a store of this name. */
function counting(name: string, generation = 1) {
  const builder = begin(generation);
  builder
    .source(views)
    .aggregate(name, {
      initial: () => 0,
      add: (sum, { value }) => sum + value.seconds,
      value: json<number>(),
    })
    .to(totals);
  return builder.build();
}

it('a renamed store: refused, then migrated', async (t) => {
  const log = await openLog(t);
  await write(log, views, ['ann', { item: 'a', seconds: 30 }, 1]);
  const databases = memoryDatabases();
  await stop(await start(t, log, counting('total'), { databases }));
  // example: refused
  await assert.rejects(start(t, log, counting('watch-time'), { databases }), {
    code: 'MR_TOPOLOGY_STATE_CHANGED',
    message:
      'Topology guide, generation 1, does not fit its existing state: ' +
      'store total/state is no longer declared: ' +
      'rename { "total/state": "watch-time/state" } or drop ["total/state"].',
  });
  // end
  // example: rename
  const runtime = await start(t, log, counting('watch-time'), {
    databases,
    migrations: { rename: { 'total/state': 'watch-time/state' } },
  });
  // end
  const [task] = runtime.tasks;
  const rows = [];
  for await (const row of task?.entries('watch-time/state') ?? []) rows.push(row);
  assert.deepEqual(rows, [['ann', 30]]);
  await stop(runtime);
});

it('a rebuilt store', async (t) => {
  const log = await openLog(t);
  await write(log, views, ['ann', { item: 'a', seconds: 30 }, 1]);
  const databases = memoryDatabases();
  await stop(await start(t, log, counting('total'), { databases }));
  const builder = begin();
  // example: retyped
  builder.source(views).aggregate('total', {
    initial: () => ({ seconds: 0 }),
    add: ({ seconds }, { value }) => ({ seconds: seconds + value.seconds }),
    value: json<{ readonly seconds: number }>('seconds-as-record'),
  });
  const topology = builder.build();
  // end
  await assert.rejects(start(t, log, topology, { databases }), /its values have another fingerprint/);
  // example: rebuild
  const runtime = await start(t, log, topology, { databases, migrations: { rebuild: ['total'] } });
  // end
  const rows = [];
  for await (const row of runtime.tasks[0]?.entries('total/state') ?? []) rows.push(row);
  assert.deepEqual(rows, [['ann', { seconds: 30 }]]);
  await stop(runtime);
});

it('a second generation beside the first', async (t) => {
  const log = await openLog(t);
  await write(log, views, ['ann', { item: 'a', seconds: 30 }, 1]);
  const first = await start(t, log, counting('total'));
  // example: generation
  const second = await start(t, log, counting('watch-time', 2));
  // end
  assert.deepEqual(
    [first, second].map(({ tasks }) => tasks.map(({ digests }) => digests.length)),
    [[0], [0]],
  );
  const names = (await log.describeTopics())
    .map(({ name }) => name)
    .filter((name) => name.startsWith('guide'));
  assert.ok(names.includes('guide-1-total-state-changelog'));
  assert.ok(names.includes('guide-2-watch-time-state-changelog'));
});
