import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { type Topic, writeRecords } from '#engine';
import { json, jsonTopic } from '#engine/testing';
import { crossKey } from '#features';
import { openEmbeddedLog } from '#log';
import { systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import type { InForce } from '#replays';
import { openTopics } from '#topologies';
import { viewRowsTarget } from './user-rows.ts';

const OF = { name: 'loop', generation: 4 };

/** A topic of rows of a copy of the loop. */
function rowsOf(shadow: string, view: string): Topic<string, string> {
  return {
    ...jsonTopic<string>(`shadow-${shadow}-${OF.generation}-${view}`, 1),
    cleanup: { policy: 'compact', tombstoneRetentionMs: 86_400_000 },
    value: json<string>(),
  };
}

const inForce = rowsOf('fix', 'user-features-2');
const kept = rowsOf('old', 'user-item-features-1');
const unused = rowsOf('other', 'user-features-2');

/** A log in which answers come from copy `fix`, may come from `old` again, and never came from `other`. */
async function swapped(t: TestContext) {
  const directory = temporaryDirectory(t);
  const log = await openEmbeddedLog({ directory, clock: systemClock });
  t.after(() => log.close());
  const topics = await openTopics(log, log.registry);
  const swaps = { ...jsonTopic<InForce>('swaps', 1), cleanup: inForce.cleanup };
  await log.createTopics([swaps, inForce, kept, unused]);
  const put = (topic: Topic<string, string>, ...rows: readonly (readonly [string, string | null])[]) =>
    writeRecords(
      log,
      topic,
      rows.map(([key, value]) => ({ key, value, timestamp: 1 })),
    );
  const value: InForce = {
    ...{ of: `${OF.name}-${OF.generation}`, shadow: 'fix', previous: 'old', code: 'a', sinceMs: 1 },
    topics: { 'user-features-2': inForce.name },
    kept: [{ shadow: 'old', code: 'a', untilMs: 2 }],
  };
  await writeRecords(log, swaps, [{ key: value.of, value, timestamp: 1 }]);
  await put(inForce, ['ann', 'row'], ['bob', 'row']);
  await put(kept, [crossKey('ann', 'i1'), 'row']);
  await put(unused, ['ann', 'row']);
  const target = (patienceMs: number) =>
    viewRowsTarget({
      ...{ log, embedded: log, topics, modules: [], others: [], dataDirectory: directory, patienceMs },
      ...{ keysAreForgotten: false, clock: systemClock, signal: AbortSignal.any([]) },
    });
  return { put, target };
}

it('an erasure waits for the rows of replays that answers come from, and of those that are kept', async (t) => {
  const { put, target } = await swapped(t);
  const remaining = (topic: string) => ({ code: 'MR_PRIVACY_VIEWS_REMAIN', message: new RegExp(topic) });
  await assert.rejects(target(0).erase('ann'), remaining(inForce.name));
  await put(inForce, ['ann', null]);
  await assert.rejects(target(0).erase('ann'), remaining(kept.name));
  await put(kept, [crossKey('ann', 'i1'), null]);
  const { rows, where } = await target(0).erase('ann');
  assert.equal(rows, 2);
  for (const { name } of [inForce, kept]) assert.ok(where.includes(name), where);
  assert.ok(!where.includes(unused.name), where);
});
