import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { seededRandom } from '#models';
import { type AnalyticDatabase, literal, withDuckDb } from '#offline';
import { temporaryDirectory } from '#platform/testing';
import type { Interaction } from '#schemas';
import { createWorld, worldEvents } from '#simulator';
import { comparePairs } from './pairs.ts';

const world = createWorld({ seed: 3, users: 60, items: 80, days: 40, endsAt: Date.UTC(2026, 0, 10) });
const items = new Map(world.items().map((each) => [each.item_id, each]));

/** Events of all kinds, as admission lets them through. */
const accepted = [...worldEvents(world, { events: 6000 })].map((event): Interaction => {
  const item = event.item_id === null ? undefined : items.get(event.item_id);
  if (item === undefined) return event;
  const { type, category, tags, duration_ms, difficulty, created } = item;
  return { ...event, item: { type, category, tags, duration_ms, difficulty, created } };
});

async function withRaw<T>(directory: string, work: (database: AnalyticDatabase) => Promise<T>): Promise<T> {
  const path = join(directory, 'raw.jsonl');
  const lines = accepted.map(({ item, ...event }) => {
    return JSON.stringify({ ...event, category: item?.category ?? null, tags: item?.tags ?? [] });
  });
  writeFileSync(path, lines.join('\n'));
  return withDuckDb(join(directory, 'duckdb'), async (database) => {
    await database.run(`CREATE TABLE raw AS SELECT * FROM read_json(${literal(path)}, format = 'newline_delimited',
      columns = {event_id: 'VARCHAR', user_id: 'VARCHAR', item_id: 'VARCHAR', kind: 'VARCHAR', value: 'DOUBLE',
        watch_ms: 'BIGINT', ts: 'DOUBLE', category: 'VARCHAR', tags: 'VARCHAR[]'})`);
    return work(database);
  });
}

describe('every view', () => {
  it('gives the rows that SQL over the raw events gives, as of any moment', async (t) => {
    const results = await withRaw(temporaryDirectory(t), (database) =>
      comparePairs({ database, accepted, pairs: 60, random: seededRandom(7) }),
    );
    assert.deepEqual(
      results.flatMap(({ view, different }) => different.map((each) => `${view}: ${each}`)),
      [],
    );
  });

  it('is told from a view that knows the event of the moment itself', async (t) => {
    const late = accepted.map((event) => ({ ...event, ts: event.ts - 1 }));
    const results = await withRaw(temporaryDirectory(t), (database) =>
      comparePairs({ database, accepted: late, pairs: 20, random: seededRandom(7) }),
    );
    for (const { view, different } of results) assert.ok(different.length > 0, view);
  });
});
