import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { seededRandom } from '#models';
import { temporaryDirectory, testSeed, withFlippedBit } from '#platform/testing';
import { rocksDatabases } from '../store/rocksdb/rocksdb-database.ts';
import { json, jsonTopic } from '../testing/json-topic.ts';
import { TopologyBuilder } from '../topology/builder.ts';
import { placesOf } from './journal-reader.ts';
import { StoresOnDisk } from './stores-on-disk.ts';
import { caughtUp, World } from './testing/world.ts';
import { verifyTask } from './verify.ts';

const FLIPS = 100;
const ROUNDS = 3;
const KEYS = 30;

/** Files that hold something; options and its own log of what it did are text for people. */
const DATA = /^(\d+\.sst|MANIFEST-\d+|CURRENT|CLOSED)$/;
const WRITE_AHEAD_LOG = /^\d+\.log$/;

const input = jsonTopic<string>('input');
const counted = (() => {
  const builder = new TopologyBuilder({ name: 'proof', generation: 1 });
  builder.source(input).count('count', { value: json<number>() });
  return builder.build();
})();
const [place = assert.fail()] = placesOf(counted);

/** A task's RocksDB after some commits, as its process has left it by closing it, and as it would by a kill. */
async function onDisk(t: TestContext) {
  const directory = temporaryDirectory(t);
  const world = await World.open(t, [input]);
  const databases = rocksDatabases(join(directory, 'state'));
  const files = join(directory, 'state', place.name);
  // The database answers from threads, for which the loop of events has to turn.
  const options = { databases, clock: { ...world.clock, sleep: async () => void (await setImmediate()) } };
  const settle = () => world.settle(counted, options);
  const [closed, killed] = [join(directory, 'closed'), join(directory, 'killed')];
  for (let round = 0; round < ROUNDS; round++) {
    const records = Array.from({ length: KEYS }, (_, key) => [`key ${key}`, 'x', round] as const);
    await world.pipe(input, ...records.slice(0, KEYS / 2));
    const runtime = await world.start(counted, options);
    await caughtUp(runtime);
    await world.pipe(input, ...records.slice(KEYS / 2));
    await caughtUp(runtime);
    if (round === ROUNDS - 1) cpSync(files, killed, { recursive: true });
    await runtime.run(AbortSignal.abort());
    await runtime.close();
  }
  cpSync(files, closed, { recursive: true });

  const putBack = (from: string) => {
    rmSync(files, { recursive: true, force: true });
    cpSync(from, files, { recursive: true });
  };
  const verdict = async () => {
    const stores = (await StoresOnDisk.open(place, databases)) ?? assert.fail('there are no stores');
    try {
      await verifyTask(place, { ...world, topology: counted, onDisk: stores });
      return stores.results().map(({ result }) => result);
    } finally {
      await stores.close();
    }
  };
  /** All rows, each by a scan and by its key. */
  const rows = async () => {
    const database = await databases.open(place.name);
    const found: string[] = [];
    for await (const chunk of database.scan({ gte: Buffer.from([0]), lt: Buffer.from([0xff, 0]) })) {
      const values = await database.getMany(chunk.map(({ key }) => key));
      for (const [i, { key, value }] of chunk.entries()) {
        assert.deepEqual(value, values[i]);
        found.push(`${key.toString('hex')} ${value?.toString('hex')}`);
      }
    }
    await database.close();
    return found;
  };
  return { files, closed, killed, putBack, verdict, rows, settle };
}

/** Flips a random bit of one of the files of `directory`; says which. */
function flip(directory: string, kind: RegExp, random: { integer(below: number): number }): string {
  const names = readdirSync(directory).filter(
    (name) => kind.test(name) && statSync(join(directory, name)).size > 0,
  );
  const name = names[random.integer(names.length)] ?? assert.fail(`there is no ${kind}`);
  const bytes = readFileSync(join(directory, name));
  const bit = random.integer(8 * bytes.length);
  writeFileSync(join(directory, name), withFlippedBit(bytes, bit));
  return `bit ${bit} of ${name}`;
}

/*
 * A table file's filter has bits that say "this key may be here". One that says so without need hides nothing: rows, and what look-ups
 * find, stay the same.
 */
it(`finds each of ${FLIPS} flipped bits in the files of a store, or what they hold is what it was`, async (t) => {
  const random = seededRandom(testSeed);
  const { files, closed, putBack, verdict, rows } = await onDisk(t);
  putBack(closed);
  assert.deepEqual(await verdict(), ['equal']);
  const sound = await rows();
  let unchanged = 0;
  for (let found = 0; found < FLIPS; ) {
    putBack(closed);
    const what = `${flip(files, DATA, random)}, seed ${testSeed}`;
    const [result] = await verdict();
    if (result === 'different') found++;
    else {
      assert.equal(result, 'equal', what);
      assert.deepEqual(await rows(), sound, what);
      unchanged++;
    }
  }
  assert.ok(unchanged < FLIPS / 4, `${unchanged} flips changed nothing, seed ${testSeed}`);
});

it('a flipped bit in what a kill has left of the newest writes makes no other rows than the log has', async (t) => {
  const random = seededRandom(testSeed);
  const { files, killed, putBack, verdict, rows, settle } = await onDisk(t);
  putBack(killed);
  await settle();
  const sound = await rows();
  for (let i = 0; i < FLIPS / 10; i++) {
    putBack(killed);
    const what = `${flip(files, WRITE_AHEAD_LOG, random)}, seed ${testSeed}`;
    // An older commit is what a kill leaves as well.
    assert.match((await verdict())[0] ?? '', /^(equal|different)$/, what);
    await settle();
    assert.deepEqual(await verdict(), ['equal'], what);
    assert.equal((await rows()).length, sound.length, what);
  }
});
