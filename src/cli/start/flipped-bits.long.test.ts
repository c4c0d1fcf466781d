import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { it, type TestContext } from 'node:test';
import { seededRandom } from '#models';
import { eventually, testSeed } from '#platform/testing';
import { commandLine, smallWorld } from '../testing/command-line.ts';

type Flip = {
  readonly file: string;
  /** Offsets of the bytes in the file as it is. */
  readonly at: (bytes: Buffer) => readonly number[];
  /** What verify prints. */
  readonly noticed: RegExp;
};

const none = { code: -1, out: '', err: '' };
/** Of SQLite's files: of the header beyond what says that it is one. */
const RESERVED_SPACE = 20;

/** Where the file holds schemas, in pages that are not in use too. */
function placesOfSchemas(bytes: Buffer): readonly number[] {
  const places: number[] = [];
  for (let at = bytes.indexOf('{"type":"record"'); at >= 0; at = bytes.indexOf('{"type":"record"', at + 1))
    places.push(at);
  return places;
}

function flips(data: string): readonly Flip[] {
  const state = join('state', readdirSync(join(data, 'state'))[0] ?? '', 'interactions-0');
  const table = readdirSync(join(data, state)).find((name) => name.endsWith('.sst')) ?? assert.fail();
  return [
    {
      file: 'pseudonyms-view.sqlite',
      at: () => [69],
      noticed: /^vault of pseudonyms: different .*: .*pseudonyms-view\.sqlite is no view of a vault/m,
    },
    {
      // The last page is one of rows; its last byte ends the first row that was written to it.
      file: 'pseudonyms-view.sqlite',
      at: (bytes) => [bytes.length - 40],
      noticed: /^vault of pseudonyms: different .*: 1 key was in .* damaged, and read from the log again/m,
    },
    {
      file: 'pseudonyms.key',
      at: () => [3],
      noticed:
        /^vault of pseudonyms: different: .* sealed under master key \w+, which .*pseudonyms\.key does not hold/m,
    },
    { file: 'log.sqlite', at: () => [1], noticed: /^error MR_LOG_NOT_A_LOG/m },
    { file: 'log.sqlite', at: () => [RESERVED_SPACE], noticed: /^error MR_LOG_CORRUPT/m },
    {
      file: 'log.sqlite',
      at: placesOfSchemas,
      noticed: /^error MR_LOG_CORRUPT: .* schema \d+ can't be read/m,
    },
    {
      file: join(state, table),
      at: () => [100],
      noticed: /^interactions-0: different .*; .*can't be read: .*checksum/m,
    },
    { file: 'options.json', at: () => [30], noticed: /^error MR_DATA_CORRUPT: .*options\.json is damaged/m },
  ];
}

const archived = /^offline\/.*\/year=.*\.parquet$/;

/** A directory that was started and stopped, with a copy to put back after each flip. */
async function startedDirectory(t: TestContext, simulation: object = {}) {
  const line = commandLine(t, {
    ...smallWorld,
    simulation: { ...smallWorld.simulation, ...simulation },
    privacy: { userIds: 'pseudonyms' },
    offline: { flushSeconds: 1 },
  });
  const start = line.begin(['start']);
  await start.until(/^Serving +http:/m);
  const data = join(line.directory, '.millrace');
  const files = (pattern: RegExp) =>
    readdirSync(data, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(data, join(entry.parentPath, entry.name)))
      .filter((file) => pattern.test(file))
      .sort();
  await eventually(() => files(archived).length !== 0);
  assert.equal((await start.signal('SIGTERM')).code, 0);
  const sound = join(line.directory, 'sound');
  cpSync(data, sound, { recursive: true });
  const putBack = () => {
    rmSync(data, { recursive: true });
    cpSync(sound, data, { recursive: true });
  };
  const flip = (file: string, places: readonly number[]) => {
    const path = join(data, file);
    const bytes = readFileSync(path);
    assert.ok(places.length > 0, file);
    for (const place of places) bytes[place] = (bytes[place] ?? 0) ^ 4;
    writeFileSync(path, bytes);
  };
  return { ...line, data, putBack, flip, files };
}

it('verify notices a flipped bit in each kind of file that it reads, with a stated error', {
  timeout: 600_000,
}, async (t) => {
  const { runEach, data, putBack, flip } = await startedDirectory(t, { events: 300 });
  for (const { file, at, noticed } of flips(data)) {
    const places = at(readFileSync(join(data, file)));
    flip(file, places);
    const [{ code, out, err } = none] = await runEach([['verify']]);
    assert.match(`${out}${err}`, noticed, `${file} at ${places[0]}`);
    assert.notEqual(code, 0);
    putBack();
  }
});

type WrittenOnce = readonly [kind: string, pattern: RegExp, noticed: RegExp];

/** Files that are written once, and who notices that one is not what was written; those of a line are flipped together. */
const writtenOnce: readonly (readonly WrittenOnce[])[] = [
  [
    [
      'a file of the archive',
      /^offline\/.*\.parquet$/,
      /^archive: different .*: The archived file .* SHA-256/m,
    ],
    ['a file of a snapshot', /^snapshots\/.*\.parquet$/, /^snapshots: different .*SHA-256/m],
    ['a model', /^versions\/.*\.onnx$/, /^versions: different .*SHA-256/m],
  ],
  [
    ['statistics of a snapshot', /^snapshots\/.*\/statistics\.json$/, /^snapshots: different .*SHA-256/m],
    ['an index', /^versions\/.*\.index$/, /^versions: different .*SHA-256/m],
  ],
  [
    [
      'a manifest of a version',
      /^versions\/.*\/manifest\.json$/,
      /^versions: different .*(was changed|manifest)/m,
    ],
  ],
];

it('verify notices any flipped bit in files that are written once, and in pages and indexes of the log', {
  timeout: 600_000,
}, async (t) => {
  const random = seededRandom(testSeed);
  const { runEach, data, putBack, flip, files } = await startedDirectory(t);
  // At most one of a version and one of a snapshot at a time: each is named by the first file that differs.
  for (const kinds of writtenOnce) {
    const flipped = kinds.map(([kind, pattern, noticed]) => {
      const all = files(pattern);
      const file = all[random.integer(all.length)] ?? assert.fail(`there is no ${kind}`);
      const place = random.integer(statSync(join(data, file)).size);
      flip(file, [place]);
      return { file, place, noticed };
    });
    const [{ code, out, err } = none] = await runEach([['verify']]);
    for (const { file, place, noticed } of flipped)
      assert.match(`${out}${err}`, noticed, `${file} at ${place}, seed ${testSeed}`);
    assert.equal(code, 1);
    putBack();
  }
  // The kind of a page of rows or of an index: its first byte, from the second page on.
  for (const file of ['log.sqlite', 'pseudonyms-view.sqlite']) {
    const pageBytes = readFileSync(join(data, file)).readUInt16BE(16);
    flip(file, [pageBytes]);
    const [{ code, out, err } = none] = await runEach([['verify']]);
    const noticed = /^(log\.sqlite|vault of pseudonyms): different|^error MR_(LOG_CORRUPT|PRIVACY_VAULT)/m;
    assert.match(`${out}${err}`, noticed, file);
    assert.notEqual(code, 0);
    putBack();
  }
});

/** Files of a store whose content the log has elsewhere, or that a start can do without. */
const replaceable: readonly (readonly [kind: string, pattern: RegExp])[] = [
  ['the list of files of a store', /^MANIFEST-\d+$/],
  ['the name of that list', /^CURRENT$/],
  ['options of a store', /^OPTIONS-\d+$/],
  ['a table of a store', /^\d+\.sst$/],
];

it('a start goes on where the log has what damaged files held, and verify finds all equal afterwards', {
  timeout: 600_000,
}, async (t) => {
  const { begin, runEach, data, flip, files, putBack } = await startedDirectory(t, { events: 300 });
  const stores = [...new Set(files(/^state\/.*\/MANIFEST-\d+$/).map(dirname))].filter((store) =>
    files(/\.sst$/).some((table) => dirname(table) === store),
  );
  assert.ok(stores.length > 0);
  // Each store has one file damaged at a time.
  for (let done = 0; done < replaceable.length; done += stores.length) {
    const kinds = replaceable.slice(done, done + stores.length);
    for (const [index, [kind, pattern]] of kinds.entries()) {
      const ofStore = files(/./).filter((file) => dirname(file) === stores[index]);
      const file =
        ofStore.findLast((each) => pattern.test(basename(each))) ?? assert.fail(`there is no ${kind}`);
      flip(file, [Math.floor(statSync(join(data, file)).size / 2)]);
    }
    const damaged = kinds.map(([kind]) => kind).join(', ');
    const start = begin(['start']);
    await start.until(/^Serving +http:/m);
    assert.equal((await start.signal('SIGTERM')).code, 0, damaged);
    const [{ code, out } = none] = await runEach([['verify']]);
    assert.equal(code, 0, `${damaged}: ${out}`);
    putBack();
  }
});
