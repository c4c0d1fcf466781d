import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Dataset } from '#models';
import { takeSnapshot, withDuckDb } from '#offline';
import {
  announce,
  example,
  fillSmallWorld,
  MINUTE_MS,
  smallExamples,
  smallWorld,
  startMs,
  writeExamples,
} from '#offline/testing';
import { createLogger, systemClock } from '#platform';
import type { ContextFeatures, Example } from '#schemas';
import { type DatasetOptions, readDataset } from './dataset.ts';

const places = [
  { device: 'tv', country: 'DE', language: 'de' },
  { device: 'mobile', country: 'FR', language: null },
  { device: null, country: null, language: 'de-AT' },
] as const;

/** The small world, and between its examples as many whose moments are known. */
const plain = smallExamples();
const between: readonly Example[] = plain.map((each, n) => {
  const context: ContextFeatures = {
    ...(places[n % places.length] as (typeof places)[number]),
    hour: n % 24,
    weekday: n % 7,
    session_position: n % 90,
  };
  return { ...example(each.user_id, `i${n % 30}`, each.ts + MINUTE_MS / 2), context };
});

async function datasetOf(
  t: TestContext,
  examples: readonly Example[],
  judgedBy: DatasetOptions['judgedBy'],
): Promise<Dataset> {
  const opened = await smallWorld(t);
  await fillSmallWorld(opened);
  await writeExamples(opened, examples);
  await announce(opened, startMs + 1000 * MINUTE_MS);
  const logger = createLogger({ level: 'silent', name: 'test' });
  const snapshot = await takeSnapshot({ ...opened, clock: systemClock, logger });
  const directory = join(opened.dataDirectory, snapshot.directory);
  return withDuckDb(join(opened.dataDirectory, 'scratch'), (database) =>
    readDataset(database, directory, { historyLength: 5, judgedBy }),
  );
}

test('rows have the moments of their examples, in the terms that a responder asks in', async (t) => {
  const { data, vocabulary, users, askedIn, heldOut } = await datasetOf(t, between, 'validation');
  const valuesOf = ({ context }: Example) => vocabulary.contextValues(context ?? null);
  const rowOf = (user: string, item: string, values: ArrayLike<number>) =>
    [user, item, Array.from(values)].join(' ');
  const expected = new Set(
    [...plain, ...between].map((each) => rowOf(each.user_id, each.item_id, valuesOf(each))),
  );
  for (const part of [data.train, data.validation]) {
    assert.ok(part?.context !== undefined);
    const { cardinalities, values } = part.context;
    const columns = cardinalities.length;
    const rows = Array.from(part.user, (user, row) => {
      const own = values.subarray(row * columns, (row + 1) * columns);
      return rowOf(users[user]?.id ?? '', vocabulary.itemId(part.item[row] as number), own);
    });
    assert.ok(rows.length > 0 && rows.every((row) => expected.has(row)));
    const unknown = rows.filter((row) => row.endsWith(' 0,0,0,0,0,0')).length;
    assert.ok(unknown > 0 && unknown < rows.length);
  }
  assert.deepEqual(data.train.context?.cardinalities, [25, 8, 6, 3, 3, 9]);

  const [id, moment] = [...askedIn][0] ?? [0];
  const items = [...heldOut.item].filter((_, row) => heldOut.user[row] === id);
  const own = between.filter((each) => {
    return each.user_id === users[id]?.id && items.includes(vocabulary.itemIndex(each.item_id) ?? -1);
  });
  assert.ok(own.length > 0);
  assert.deepEqual(moment, own[0]?.context);
});

test('where no moment is known, none is learned; titles are read as n-grams', async (t) => {
  const { data, titles, askedIn } = await datasetOf(t, [], 'test');
  assert.equal(data.train.context, undefined);
  assert.equal(askedIn.size, 0);
  assert.equal(titles[0], 'Item i0');
  assert.equal(data.itemTitles?.offsets.length, data.items + 1);
  assert.ok((data.itemTitles?.ids.length ?? 0) > data.items);
});
