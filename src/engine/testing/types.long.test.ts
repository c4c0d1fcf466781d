import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '#platform/testing';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Quoted, for a program that is compiled elsewhere. */
const door = (folder: string) => JSON.stringify(`${root}${folder}/index.ts`);

/** What every program begins with: streams and tables of Avro types. */
const preamble = `
import { defineProcessor, port, type KeySerde, type Serde, type Topic, TopologyBuilder } from ${door('src/engine')};
import type { Interaction, User } from ${door('schemas')};

declare const interactions: Topic<string, Interaction>;
declare const byNumber: Topic<number, Interaction>;
declare const users: Topic<string, User>;
declare const numbers: Topic<string, number>;
declare const numberValue: Serde<number>;
declare const interactionValue: Serde<Interaction>;
declare const numberKey: KeySerde<number>;

const builder = new TopologyBuilder({ name: 'typed', generation: 1 });
const events = builder.source(interactions);
const people = builder.table(users);
const sums = {
  inputs: { events: port<string, Interaction>() },
  outputs: { sums: port<string, number>() },
  stores: { sums: { value: numberValue } },
};
`;

const RIGHT = `
events
  .filter((event) => event.kind === 'rating')
  .join('with-age', people, (event, user) => user === undefined ? undefined : [event.value ?? 0, user.age ?? 0] as const)
  .map(([rating, age]) => rating * age)
  .to(numbers);
const everybody = builder.globalTable(users);
events
  .joinGlobal('country', everybody, ({ value }) => value.item_id, (event, user) => [event.kind, user.country] as const)
  .filter(([kind]) => kind === 'rating');
events.leftJoinGlobal('age', everybody, ({ key }) => key, (event, user) => user?.age ?? event.value ?? 0).to(numbers);
events.keyBy('by-kind', (event) => event.kind, { value: interactionValue }).count('kinds', { value: numberValue });
events.keyBy('by-value', (event) => event.value ?? 0, { value: interactionValue, key: numberKey }).to(byNumber);
people.groupBy('by-age', (user) => user.age, { key: numberKey }).count('of-age', { value: numberValue });
people
  .groupBy('by-country', (user) => user.country)
  .aggregate('ages', {
    initial: () => 0,
    add: (sum, user) => sum + (user.age ?? 0),
    subtract: (sum, user) => sum - (user.age ?? 0),
    value: numberValue,
  })
  .toStream();
const { sums: summed } = builder.process('sums', defineProcessor({
  ...sums,
  reads: { events: (record) => ({ sums: [record.key] }) },
  process: {
    events: ({ key, value, timestamp }, { stores, emit }) => {
      const sum = (stores.sums.get(key) ?? 0) + (value.value ?? 0);
      stores.sums.put(key, sum, timestamp);
      emit('sums', key, sum, timestamp);
    },
  },
}), { events });
summed.to(numbers);
`;

/** Programs that must not compile, each with its error at the line that ends in \`// wrong\`. */
const wrong: readonly (readonly [what: string, program: string])[] = [
  ['a field that a filter’s value does not have', `events.filter((event) => event.rating > 3); // wrong`],
  ['a field that may be null, in map', `events.map((event) => event.item_id.length); // wrong`],
  ['a field that flatMap’s value does not have', `events.flatMap((event) => event.tags); // wrong`],
  ['a kind that the Avro enum does not have', `events.filter(({ kind }) => kind === 'watched'); // wrong`],
  [
    'a value that an earlier map has replaced',
    `events.map((event) => event.kind).filter((kind) => kind.user_id === ''); // wrong`,
  ],
  ['a row that may be missing, in join', `events.join('j', people, (_, user) => user.age); // wrong`],
  ['a field that the table does not have', `events.join('j', people, (_, user) => user?.name); // wrong`],
  [
    'a field that the global table does not have',
    `events.joinGlobal('j', builder.globalTable(users), ({ key }) => key, (_, user) => user.city); // wrong`,
  ],
  [
    'a row of a global table that may be missing',
    `events.leftJoinGlobal('j', builder.globalTable(users), ({ key }) => key, (_, user) => user.age); // wrong`,
  ],
  [
    'a key that the record chooses from a field that it does not have',
    `events.joinGlobal('j', builder.globalTable(users), ({ value }) => value.owner, (event) => event); // wrong`,
  ],
  [
    'a chosen key of another type than the global table’s',
    `events.joinGlobal('j', builder.globalTable(users), ({ value }) => value.value, (event) => event); // wrong`,
  ],
  [
    'a table of one partition each in the place of a global one',
    `events.joinGlobal('j', people, ({ key }) => key, (event) => event); // wrong`,
  ],
  ['a join with no table', `events.join('j', events, (left) => left); // wrong`],
  [
    'a field that the aggregated value does not have',
    `events.aggregate('a', {
      initial: () => 0,
      add: (sum, { value }) => sum + value.amount, // wrong
      value: numberValue,
    });`,
  ],
  [
    'an aggregate’s state of another type than its serde',
    `events.aggregate('a', {
      initial: () => 0,
      add: (sum) => String(sum), // wrong
      value: numberValue,
    });`,
  ],
  ['a sink of another value', `events.map((event) => event.kind).to(numbers); // wrong`],
  ['a sink of another key', `events.to(byNumber); // wrong`],
  [
    'a repartition with the serde of another value',
    `events.keyBy('k', (event) => event.user_id, { value: numberValue }); // wrong`,
  ],
  [
    'a key that is no text, without a serde',
    `events.keyBy('k', (event) => event.value ?? 0, { value: interactionValue }); // wrong`,
  ],
  [
    'a key with the serde of another',
    `events.keyBy('k', (event) => event.user_id, { value: interactionValue, key: numberKey }); // wrong`,
  ],
  ['streams of different values, merged', `events.merge(events.map((event) => event.kind)); // wrong`],
  [
    'a branch that there is not',
    `events.branch({ rated: ({ kind }) => kind === 'rating' }).viewed; // wrong`,
  ],
  ['a removed row, read as if it were there', `people.toStream().map((user) => user.age); // wrong`],
  ['a field that a grouped table does not have', `people.groupBy('g', (user) => user.city); // wrong`],
  [
    'a group whose key is no text, without a serde',
    `people.groupBy('g', (user) => user.age).count('c', { value: numberValue }); // wrong`,
  ],
  [
    'a group’s key with the serde of another',
    `people.groupBy('g', (user) => user.country, { key: numberKey }); // wrong`,
  ],
  [
    'a group’s subtraction of another type',
    `people.groupBy('g', (user) => user.country).aggregate('a', {
      initial: () => 0,
      add: (sum, user) => sum + (user.age ?? 0),
      subtract: (sum, user) => sum - user.country, // wrong
      value: numberValue,
    });`,
  ],
  [
    'a count of another type',
    `people.groupBy('g', (user) => user.country).count('c', { value: interactionValue }); // wrong`,
  ],
  [
    'a store that a processor does not have',
    `defineProcessor({ ...sums, process: {
      events: ({ key }, { stores }) => void stores.totals.get(key), // wrong
    } });`,
  ],
  [
    'a stored value of another type',
    `defineProcessor({ ...sums, process: {
      events: ({ key, value, timestamp }, { stores }) => stores.sums.put(key, value, timestamp), // wrong
    } });`,
  ],
  [
    'an output that a processor does not have',
    `defineProcessor({ ...sums, process: {
      events: ({ key, timestamp }, { emit }) => emit('totals', key, 1, timestamp), // wrong
    } });`,
  ],
  [
    'an output of another type',
    `defineProcessor({ ...sums, process: {
      events: ({ key, timestamp }, { emit }) => emit('sums', key, 'one', timestamp), // wrong
    } });`,
  ],
  [
    'an input without a handler',
    `defineProcessor({ ...sums,
      process: {}, // wrong
    });`,
  ],
  [
    'an input that is not connected',
    `const processor = defineProcessor({ ...sums, process: { events: () => {} } });
    builder.process('p', processor, {}); // wrong`,
  ],
  [
    'an input connected to a stream of another type',
    `const processor = defineProcessor({ ...sums, process: { events: () => {} } });
    const kinds = events.map((event) => event.kind);
    builder.process('p', processor, { events: kinds }); // wrong`,
  ],
];

test('the types of every step follow from the topics: wrong programs do not compile, at the line that is wrong', (t) => {
  const directory = temporaryDirectory(t);
  const programs = new Map([
    ['right.mts', RIGHT],
    ...wrong.map(([, text], i) => [`wrong-${i}.mts`, text] as const),
  ]);
  for (const [name, text] of programs) writeFileSync(join(directory, name), preamble + text);
  const tsconfig = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      typeRoots: [join(root, 'node_modules/@types')],
      noUnusedLocals: false,
      allowUnreachableCode: true,
    },
    include: ['*.mts', join(root, 'types/**/*.d.ts')],
  };
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(tsconfig));
  const errors = compile(directory);
  const found = wrong.map(([what], i) => [what, ...(errors.get(`wrong-${i}.mts`) ?? [])]);
  const expected = wrong.map(([what, text]) => {
    const lines = (preamble + text).split('\n');
    return [what, lines.findIndex((line) => line.endsWith('// wrong')) + 1];
  });
  assert.deepEqual(found, expected);
  assert.equal(errors.get('right.mts'), undefined, 'the right program compiles');
});

/** Lines with an error, by file. */
function compile(directory: string): Map<string, Set<number>> {
  const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
  const tsc = join(typescript, 'bin/tsc');
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', directory, '--pretty', 'false'], {
    cwd: directory,
    encoding: 'utf8',
  });
  const errors = new Map<string, Set<number>>();
  for (const [, file = '', line = ''] of stdout.matchAll(/^([^(\n/]+)\((\d+),\d+\): error /gm)) {
    errors.set(file, (errors.get(file) ?? new Set()).add(Number(line)));
  }
  return errors;
}
