import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import type { Logger } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import type { DatabaseProvider } from '../store/port.ts';
import { rocksDatabases } from '../store/rocksdb/rocksdb-database.ts';
import { TopologyBuilder } from '../topology/builder.ts';
import { TopologyDriver } from './driver.ts';
import { json, jsonTopic } from './json-topic.ts';

const input = jsonTopic<string>('input');
const KEYS = 300;

/** Keeps the warnings. */
function warnings(): { readonly logger: Logger; readonly messages: string[] } {
  const messages: string[] = [];
  const ignore = () => {};
  const warn = (fields: object | string, message?: string) => void messages.push(message ?? String(fields));
  const logger: Logger = { debug: ignore, info: ignore, error: ignore, warn, child: () => logger };
  return { logger, messages };
}

/** A topology whose store fills several files of RocksDB; `damage` is done once, before the next open. */
async function open(t: TestContext) {
  const directory = temporaryDirectory(t);
  const rocks = rocksDatabases(directory);
  let damage: ((files: string) => void) | undefined;
  const databases: DatabaseProvider = {
    open: async (name) => {
      const now = damage;
      damage = undefined;
      now?.(join(directory, name));
      return await rocks.open(name);
    },
    destroy: (name) => rocks.destroy(name),
  };
  const { logger, messages } = warnings();
  const driver = await TopologyDriver.open(
    async (log) => {
      await log.createTopics([{ name: input.name, partitions: 1, cleanup: input.cleanup }]);
      const builder = new TopologyBuilder({ name: 'damaged', generation: 1 });
      builder.source(input).aggregate('last', {
        initial: () => '',
        add: (_, { value }) => value,
        value: json<string>(),
      });
      return builder.build();
    },
    { databases, logger, cacheEntries: 1 },
  );
  t.after(() => driver.close());
  // A store that is closed writes what is in memory to a file.
  for (let round = 0; round < 3; round++) {
    const records = Array.from({ length: KEYS }, (_, i) => {
      return [`${round}-${i}`, `${round} ${i} `.repeat(50), round] as const;
    });
    await driver.pipe(input, ...records);
    await driver.settle();
    await driver.restart({ keepStores: true });
  }
  assert.equal(messages.length, 0);
  const damageAtNextOpen = (how: (files: string) => void) => {
    damage = how;
  };
  return { driver, messages, damageAtNextOpen };
}

const filesOf = (directory: string, ending: string) =>
  readdirSync(directory)
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => join(directory, name));

/** Turns over a byte in every 100. */
function flip(file: string): void {
  const bytes = readFileSync(file);
  for (let at = 50; at < bytes.length - 200; at += 100) bytes[at] = (bytes[at] as number) ^ 0xff;
  writeFileSync(file, bytes);
}

function manifestOf(directory: string): string {
  return join(directory, readFileSync(join(directory, 'CURRENT'), 'utf8').trim());
}

const damages: readonly (readonly [string, (directory: string) => void])[] = [
  ['flipped bytes in a table file', (directory) => flip(filesOf(directory, '.sst').at(-1) as string)],
  ['a table file that is gone', (directory) => rmSync(filesOf(directory, '.sst')[0] as string)],
  ['flipped bytes in the MANIFEST', (directory) => flip(manifestOf(directory))],
  [
    'a MANIFEST cut short, which opens as an empty database',
    (directory) => {
      truncateSync(manifestOf(directory), 50);
      for (const file of filesOf(directory, '.log')) truncateSync(file, 0);
    },
  ],
  ['a CURRENT that is gone', (directory) => rmSync(join(directory, 'CURRENT'))],
  [
    // Every other file of all might happen to be those that hold something: a compaction may have left one table alone.
    'a copy that lacks every other table file, the last one too',
    (directory) => {
      const tables = filesOf(directory, '.sst');
      for (const [i, file] of tables.reverse().entries()) if (i % 2 === 0) rmSync(file);
    },
  ],
  [
    'a copy without the table files',
    (directory) => {
      for (const file of filesOf(directory, '.sst')) rmSync(file);
    },
  ],
];

for (const [name, damage] of damages) {
  it(`${name}: noticed, said, and rebuilt from the changelog`, async (t) => {
    const { driver, messages, damageAtNextOpen } = await open(t);
    const digests = driver.digests();
    const entries = await driver.store<string>('last/state');
    assert.equal(entries.size, 3 * KEYS);
    damageAtNextOpen((directory) => {
      assert.ok(existsSync(directory));
      damage(directory);
    });
    await driver.restart({ keepStores: true });
    // What the task does not look at when it starts, it finds damaged when it needs it.
    const touched = [...entries].map(([key, value]) => [key, value, 0] as const);
    await driver.pipe(input, ...touched);
    await driver.settle();
    assert.deepEqual(driver.digests(), digests);
    assert.deepEqual(await driver.store('last/state'), entries);
    assert.ok(
      messages.some((message) => /damaged|rebuilt from its changelog/.test(message)),
      `no message among ${JSON.stringify(messages)}`,
    );
  });
}
