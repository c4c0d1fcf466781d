import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { createLogger, systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import type { Example, Snapshot } from '#schemas';
import { archiveNow } from '../archive.ts';
import { withDuckDb } from '../duckdb.ts';
import { openOffline } from '../reading.ts';
import { archiveOptions } from '../testing/archived-world.ts';
import { type ArchivedPart, archivedPart } from './archived-part.ts';
import { takeSnapshot } from './snapshot.ts';
import {
  announce,
  example,
  fillSmallWorld,
  MINUTE_MS,
  type SmallWorld,
  smallWorld,
  startMs,
  writeExamples,
} from './testing/small-world.ts';

const logger = createLogger({ level: 'silent', name: 'test' });
const IN_ALL = 240;

const archive = (world: SmallWorld) => archiveNow({ ...archiveOptions(world), flushRecords: 64, views: [] });
const snapshotOf = (world: SmallWorld) => takeSnapshot({ ...world, clock: systemClock, logger });

/** How many of the examples are read from the archive. */
async function archivedRows(t: TestContext, world: SmallWorld): Promise<number> {
  const { rows } = await part(t, world);
  return rows;
}

function part(t: TestContext, world: SmallWorld): Promise<ArchivedPart> {
  return withDuckDb(temporaryDirectory(t), (database) =>
    archivedPart(database, { ...world, logger }, 'examples', 'log-start', temporaryDirectory(t)),
  );
}

/** All of it but the moment when it was taken, with the bytes of its files. */
function contents({ dataDirectory }: SmallWorld, snapshot: Snapshot) {
  const bytes = snapshot.files.map(({ name }) =>
    readFileSync(join(dataDirectory, snapshot.directory, name), 'base64'),
  );
  return { ...snapshot, ts: 0, bytes };
}

it('gives the same snapshot from the log, from the archive, and from both', async (t) => {
  const world = await smallWorld(t);
  await fillSmallWorld(world);
  const odd: Example = {
    ...example("u'1\n", 'ı\u{1f600}"', startMs, ['a', '', "b'"]),
    value: -0,
    weight: 0.1,
    item: { ...example('u', 'i', startMs).item, popularity: Number.NaN, ctr: Number.NEGATIVE_INFINITY },
  };
  await writeExamples(world, [odd]);
  const fromLog = contents(world, await snapshotOf(world));
  assert.equal(await archivedRows(t, world), 0);
  await archive(world);
  assert.equal(await archivedRows(t, world), IN_ALL + 1);
  assert.deepEqual(contents(world, await snapshotOf(world)), fromLog);

  const later = [1, 2, 3].map((minute) => example('u1', `i${minute}`, startMs + (240 + minute) * MINUTE_MS));
  await writeExamples(world, later);
  await announce(world, startMs + 300 * MINUTE_MS);
  assert.equal(await archivedRows(t, world), IN_ALL + 1);
  const fromBoth = contents(world, await snapshotOf(world));
  assert.equal(fromBoth.files[0]?.rows, IN_ALL + 4);
  await archive(world);
  assert.equal(await archivedRows(t, world), IN_ALL + 4);
  assert.deepEqual(contents(world, await snapshotOf(world)), fromBoth);

  // A date that is over is compacted.
  await announce(world, startMs + 3 * 24 * 60 * MINUTE_MS);
  const before = (await openOffline(world)).files('examples').length;
  const ahead = contents(world, await snapshotOf(world));
  await archive(world);
  assert.equal((await openOffline(world)).files('examples').length, 1);
  assert.ok(before > 1);
  assert.deepEqual(contents(world, await snapshotOf(world)), ahead);
});

it('reads the log instead of a file that is missing or damaged, and says which', async (t) => {
  const world = await smallWorld(t);
  await fillSmallWorld(world);
  const fromLog = contents(world, await snapshotOf(world));
  await archive(world);
  const [file] = (await openOffline(world)).files('examples');
  const path = join(world.dataDirectory, file?.path ?? '');
  const errors: unknown[] = [];
  const told = { ...logger, error: (fields: { err: Error }) => errors.push(fields.err.message) };
  const take = () => takeSnapshot({ ...world, clock: systemClock, logger: told as never });
  writeFileSync(path, readFileSync(path).fill(7, 100, 120));
  assert.deepEqual(contents(world, await take()), fromLog);
  rmSync(path);
  assert.deepEqual(contents(world, await take()), fromLog);
  assert.deepEqual(errors, [
    `The archived file ${path} has a SHA-256 other than when it was written.`,
    `The archived file ${path} is not there.`,
  ]);
});

it('takes nothing of a partition of which the archive lacks something', async (t) => {
  const world = await smallWorld(t);
  await fillSmallWorld(world);
  const options = { ...archiveOptions(world), flushRecords: 64, views: [] };
  await archiveNow(options);
  const retention = { eventsMs: 1, featuresMs: 1 };
  await announce(world, startMs + 3 * 24 * 60 * MINUTE_MS);
  await archiveNow({ ...options, retention });
  const { rows, starts, ends } = await part(t, world);
  assert.equal(rows, 0);
  assert.deepEqual(ends, starts);
});
