import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { commandLine, smallWorld } from './testing/command-line.ts';

type Flip = {
  readonly file: string;
  /** Offsets of the bytes in the file as it is. */
  readonly at: (bytes: Buffer) => readonly number[];
  /** What verify prints. */
  readonly noticed: RegExp;
};

const none = { code: -1, out: '', err: '' };
/** Of SQLite's files: of the header beyond what says that it is one. */
const reservedSpace = 20;

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
      file: 'pseudonyms.sqlite',
      at: () => [69],
      noticed: /^vault of pseudonyms: different: .* of another program/m,
    },
    {
      // The last page is one of rows; its last byte ends the first row that was written to it.
      file: 'pseudonyms.sqlite',
      at: (bytes) => [bytes.length - 40],
      noticed: /^vault of pseudonyms: different .*: 1 of the keys of users in .* is damaged/m,
    },
    {
      file: 'pseudonyms.key',
      at: () => [3],
      noticed: /^vault of pseudonyms: different: .* key of another vault/m,
    },
    { file: 'log.sqlite', at: () => [1], noticed: /^error MR_LOG_NOT_A_LOG/m },
    { file: 'log.sqlite', at: () => [reservedSpace], noticed: /^error MR_LOG_CORRUPT/m },
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

it('verify notices a flipped bit in each kind of file that it reads, with a stated error', {
  timeout: 300_000,
}, async (t) => {
  const simulation = { ...smallWorld.simulation, events: 300 };
  const { begin, runEach, directory } = commandLine(t, {
    ...smallWorld,
    simulation,
    privacy: { userIds: 'pseudonyms' },
  });
  const start = begin(['start']);
  await start.until(/http:\/\/127\.0\.0\.1:\d+/);
  assert.equal((await start.signal('SIGTERM')).code, 0);
  const data = join(directory, '.millrace');
  const sound = join(directory, 'sound');
  cpSync(data, sound, { recursive: true });
  for (const { file, at, noticed } of flips(data)) {
    const path = join(data, file);
    const bytes = readFileSync(path);
    const places = at(bytes);
    assert.ok(places.length > 0, file);
    for (const place of places) bytes[place] = (bytes[place] ?? 0) ^ 4;
    writeFileSync(path, bytes);
    const [{ code, out, err } = none] = await runEach([['verify']]);
    assert.match(`${out}${err}`, noticed, `${file} at ${places[0]}`);
    assert.notEqual(code, 0);
    rmSync(data, { recursive: true });
    cpSync(sound, data, { recursive: true });
  }
});
