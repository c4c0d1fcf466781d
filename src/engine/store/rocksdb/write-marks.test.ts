import assert from 'node:assert/strict';
import {
  cpSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { errorCode } from '#platform';
import { eventually, temporaryDirectory } from '#platform/testing';
import type { Database } from '../port.ts';
import { rocksDatabases } from './rocksdb-database.ts';

const NEWEST = Buffer.from('newest');
const VALUE_BYTES = 64 * 1024;
/** Several write buffers. */
const ROWS = 900;
const ROWS_A_WRITE = 20;

const rowKey = (i: number) => Buffer.from(`row-${String(i).padStart(6, '0')}`);

/** Rows in the order of their writes, each write saying how many there are. */
async function fill(database: Database): Promise<void> {
  for (let from = 0; from < ROWS; from += ROWS_A_WRITE) {
    const rows = Array.from({ length: ROWS_A_WRITE }, (_, i) => {
      return { key: rowKey(from + i), value: Buffer.alloc(VALUE_BYTES, from + i) };
    });
    await database.write([...rows, { key: NEWEST, value: Buffer.from(String(from + ROWS_A_WRITE)) }]);
    // A scan waits until what was written late is in the database.
    for await (const _ of database.scan({ gte: NEWEST, lt: NEWEST }));
  }
}

/** What a process that is killed now leaves: copied again until nothing was flushed or compacted meanwhile. */
function copyAsKilled(from: string, to: string): Promise<true> {
  const files = () => [readdirSync(from).sort(), readFileSync(join(from, manifestOf(from)))];
  return eventually('a copy of one moment', () => {
    try {
      const before = files();
      cpSync(from, to, { recursive: true });
      if (isDeepStrictEqual(files(), before)) return true;
    } catch (error) {
      // Deleted since they were listed.
      assert.equal(errorCode(error), 'ENOENT');
    }
    rmSync(to, { recursive: true, force: true });
    return false;
  });
}

/** A copy whose MANIFEST is cut to `length`; files that nobody appends to are linked. */
function cut(from: string, to: string, length: number): void {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) {
    if (name.endsWith('.sst') || name.endsWith('.log')) linkSync(join(from, name), join(to, name));
    else cpSync(join(from, name), join(to, name));
  }
  truncateSync(join(to, manifestOf(to)), length);
}

const manifestOf = (directory: string) => readFileSync(join(directory, 'CURRENT'), 'utf8').trim();

it('a MANIFEST cut to any length opens as what was written, or not at all', async (t) => {
  const directory = temporaryDirectory(t);
  const databases = rocksDatabases(directory);
  const live = await databases.open('live');
  await fill(live);
  const killed = join(directory, 'killed');
  await copyAsKilled(join(directory, 'live'), killed);
  const whole = statSync(join(killed, manifestOf(killed))).size;
  await live.close();
  const outcomes = new Map<string, number>();
  for (let length = whole; length > 0; length -= length === whole ? 1 : 37) {
    cut(killed, join(directory, 'cut'), length);
    const opened = await databases.open('cut').catch((error: unknown) => {
      assert.equal(errorCode(error), 'MR_STORE_CORRUPT');
      return undefined;
    });
    if (opened !== undefined) {
      const [newest] = await opened.getMany([NEWEST]);
      const rows = await opened.getMany(Array.from({ length: Number(newest) }, (_, i) => rowKey(i)));
      assert.equal(rows.indexOf(null), -1, `cut to ${length} of ${whole}: a row is missing`);
      await opened.close();
    }
    const outcome = opened === undefined ? 'refused' : 'opened';
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    rmSync(join(directory, 'cut'), { recursive: true });
  }
  assert.ok((outcomes.get('opened') ?? 0) >= 1, 'the whole one opens');
  assert.ok((outcomes.get('refused') ?? 0) >= 5, 'cut ones are refused');
});

it('what a kill leaves opens, however many writes there were', async (t) => {
  const directory = temporaryDirectory(t);
  const databases = rocksDatabases(directory);
  const live = await databases.open('live');
  for (let i = 1; i <= 150; i++) {
    await live.write([{ key: NEWEST, value: Buffer.from(String(i)) }]);
    for await (const _ of live.scan({ gte: NEWEST, lt: NEWEST }));
    if (i % 30 !== 0) continue;
    const copy = `copy-${i}`;
    await copyAsKilled(join(directory, 'live'), join(directory, copy));
    for (let opening = 0; opening < 3; opening++) {
      const opened = await databases.open(copy);
      assert.equal((await opened.getMany([NEWEST]))[0]?.toString(), String(i));
      await opened.close();
    }
  }
  await live.close();
});
