import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Profile } from '#schemas';
import { type ItemMetadata, Vocabulary } from './vocabulary.ts';

const word = fc.constantFrom('a', 'b', 'c', 'd', 'é', '__proto__', '');
const profile: fc.Arbitrary<Profile> = fc.record({
  age: fc.option(fc.integer({ min: 0, max: 120 })),
  gender: fc.constantFrom('unknown', 'female', 'male', 'other'),
  occupation: fc.option(word),
  country: fc.option(word),
});
const metadata: fc.Arbitrary<ItemMetadata> = fc.record({
  type: fc.constantFrom('video', 'article', 'movie'),
  category: word,
  tags: fc.array(word, { maxLength: 4 }),
  language: fc.option(word),
  difficulty: fc.option(fc.integer({ min: 1, max: 5 })),
  duration_ms: fc.option(fc.nat()),
});
const id = fc.string({ maxLength: 4 });
const source = fc.record({
  users: fc.uniqueArray(fc.record({ id, profile: fc.option(profile) }), { selector: (user) => user.id }),
  items: fc.uniqueArray(fc.record({ id, metadata: fc.option(metadata) }), { selector: (item) => item.id }),
});

test('ids and indices are each other: users from 1, items from 0, what is unknown stays apart', () => {
  fc.assert(
    fc.property(source, (given) => {
      const vocabulary = Vocabulary.build(given);
      given.users.forEach(({ id }, i) => {
        assert.equal(vocabulary.userIndex(id), i + 1);
      });
      given.items.forEach(({ id }, i) => {
        assert.equal(vocabulary.itemIndex(id), i);
        assert.equal(vocabulary.itemId(i), id);
      });
      assert.equal(vocabulary.userCount, given.users.length + 1);
      assert.equal(vocabulary.itemCount, given.items.length);
      assert.equal(vocabulary.userIndex('unknown to all'), 0);
      assert.equal(vocabulary.itemIndex('unknown to all'), undefined);
      assert.throws(() => vocabulary.itemId(given.items.length), { code: 'MR_INVARIANT' });
    }),
  );
});

test('a vocabulary that was written and read again answers as before, and writes the same bytes', () => {
  fc.assert(
    fc.property(
      source,
      fc.option(profile),
      fc.option(metadata),
      fc.array(id),
      (given, who, what, history) => {
        const vocabulary = Vocabulary.build(given);
        // Off its own buffer's beginning, as a file read in one piece with others would be.
        const bytes = Buffer.concat([Buffer.from('  '), vocabulary.toBytes()]).subarray(2);
        const again = Vocabulary.parse(bytes);
        assert.deepEqual(again.toBytes(), vocabulary.toBytes());
        assert.deepEqual(again.profileValues(who), vocabulary.profileValues(who));
        assert.deepEqual(again.itemFeatureValues(what), vocabulary.itemFeatureValues(what));
        assert.deepEqual(again.tagIndices(what), vocabulary.tagIndices(what));
        assert.deepEqual(again.historyIndices(history), vocabulary.historyIndices(history));
        assert.deepEqual(again.profileTable(given), vocabulary.profileTable(given));
      },
    ),
  );
});

test('the tables of training hold the rows of serving, within their cardinalities, for any profile or item', () => {
  fc.assert(
    fc.property(source, profile, metadata, (given, stranger, novelty) => {
      const vocabulary = Vocabulary.build(given);
      const profiles = vocabulary.profileTable(given);
      const { features, tags } = vocabulary.itemTables(given);
      const rows = [null, ...given.users.map(({ profile }) => profile)].map((each) =>
        vocabulary.profileValues(each),
      );
      assert.deepEqual([...profiles.values], rows.flat());
      const itemRows = given.items.map((item) => vocabulary.itemFeatureValues(item.metadata));
      assert.deepEqual([...features.values], itemRows.flat());
      given.items.forEach((item, i) => {
        const bag = [...tags.ids.subarray(tags.offsets[i], tags.offsets[i + 1])];
        assert.deepEqual(bag, vocabulary.tagIndices(item.metadata));
        assert.equal(bag.length, new Set(item.metadata?.tags).size);
      });
      const within = (row: number[], bounds: readonly number[]) => {
        assert.equal(row.length, bounds.length);
        row.forEach((value, column) => {
          assert.ok(value >= 0 && value < (bounds[column] as number));
        });
      };
      for (const row of [...rows, vocabulary.profileValues(stranger)]) within(row, profiles.cardinalities);
      for (const row of [...itemRows, vocabulary.itemFeatureValues(novelty)])
        within(row, features.cardinalities);
      for (const tag of vocabulary.tagIndices(novelty)) assert.ok(tag >= 0 && tag < tags.cardinality);
    }),
  );
});

test('a history keeps its order and repeats, and leaves out items that were not trained', () => {
  const items = ['x', 'y', 'z'].map((id) => ({ id, metadata: null }));
  const vocabulary = Vocabulary.build({ users: [], items });
  assert.deepEqual(vocabulary.historyIndices(['z', 'new', 'x', 'z', 'y']), [2, 0, 2, 1]);
  assert.deepEqual(vocabulary.historyIndices([]), []);
});

test('ages and durations are grouped; each known value of a dictionary has an index of its own', () => {
  const someone = (age: number | null, occupation: string | null): Profile => {
    return { age, gender: 'female', occupation, country: null };
  };
  const users = ['nurse', 'baker'].map((occupation, i) => ({
    id: `u${i}`,
    profile: someone(30, occupation),
  }));
  const vocabulary = Vocabulary.build({ users, items: [] });
  const values = (age: number | null, occupation: string | null) =>
    vocabulary.profileValues(someone(age, occupation));
  assert.deepEqual(
    [17, 18, 24, 25, 55, 56, 99].map((age) => values(age, null)[0]),
    [1, 2, 2, 3, 6, 7, 7],
  );
  assert.deepEqual(values(null, 'baker'), [0, 1, 1, 0]);
  assert.deepEqual(values(null, 'nurse'), [0, 1, 2, 0]);
  assert.deepEqual(values(null, 'welder'), [0, 1, 0, 0]);
  assert.deepEqual(vocabulary.profileValues(null), [0, 0, 0, 0]);
  const minutes = (count: number) =>
    vocabulary.itemFeatureValues({
      type: 'video',
      category: '',
      tags: [],
      language: null,
      difficulty: null,
      duration_ms: count * 60_000,
    })[4];
  assert.deepEqual([0, 1, 1.5, 2, 3, 64, 65, 1e6].map(minutes), [1, 1, 2, 2, 3, 7, 8, 8]);
});

test('a context is read by hour, weekday, device, place, language and how far a session has come', () => {
  const contexts = [
    { country: 'se', language: 'sv' },
    { country: null, language: 'en' },
  ];
  const vocabulary = Vocabulary.build({ users: [], items: [], contexts: [...contexts, null] });
  const moment = { hour: 0, weekday: 6, device: 'desktop', country: 'se', language: 'sv' } as const;
  const at = (session_position: number) => vocabulary.contextValues({ ...moment, session_position });
  assert.deepEqual(at(0), [1, 7, 2, 1, 2, 1]);
  assert.deepEqual(
    [1, 2, 3, 4, 63, 64, 500].map((position) => at(position)[5]),
    [2, 3, 3, 4, 7, 8, 8],
  );
  const elsewhere = { ...moment, hour: 23, device: null, country: 'fi', language: null, session_position: 0 };
  assert.deepEqual(vocabulary.contextValues(elsewhere), [24, 7, 0, 0, 0, 1]);
  assert.deepEqual(vocabulary.contextValues(null), [0, 0, 0, 0, 0, 0]);
  const { cardinalities, values } = vocabulary.contextTable([elsewhere, null]);
  assert.deepEqual([...values], [24, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual(cardinalities, [25, 8, 6, 2, 3, 9]);
  const again = Vocabulary.parse(vocabulary.toBytes());
  assert.deepEqual(again.contextValues({ ...moment, session_position: 0 }), at(0));
});

test('a vocabulary from before contexts is read as one that knows none', () => {
  const vocabulary = Vocabulary.build({ users: [], items: [{ id: 'x', metadata: null }] });
  const { users, items, dictionaries } = vocabulary.contents;
  const stored = {
    format: 1,
    users: [...users],
    items: [...items],
    dictionaries: { ...dictionaries } as Record<string, unknown>,
  };
  for (const name of ['contextCountry', 'contextLanguage']) delete stored.dictionaries[name];
  const old = Vocabulary.parse(Buffer.from(JSON.stringify(stored)));
  assert.equal(old.itemIndex('x'), 0);
  assert.deepEqual(old.toBytes(), vocabulary.toBytes());
  stored.dictionaries.contextCountry = [1];
  const damaged = Buffer.from(JSON.stringify(stored));
  assert.throws(() => Vocabulary.parse(damaged), { code: 'MR_VERSION_CORRUPT' });
});

test('titles are tables of n-grams, empty for an item without one', () => {
  const film: ItemMetadata = {
    type: 'movie',
    category: '',
    tags: [],
    language: null,
    difficulty: null,
    duration_ms: null,
  };
  const items = [
    { id: 'a', metadata: { ...film, title: 'ab' } },
    { id: 'b', metadata: film },
    { id: 'c', metadata: null },
    { id: 'd', metadata: { ...film, title: 'AB cd' } },
  ];
  const { titles } = Vocabulary.build({ users: [], items }).itemTables({ items });
  assert.deepEqual([...titles.offsets], [0, 3, 3, 3, 9]);
  assert.ok(new Set(titles.ids.subarray(3)).isSupersetOf(new Set(titles.ids.subarray(0, 3))));
  assert.ok(titles.ids.every((id) => id < titles.cardinality));
});

test('bytes that are no vocabulary are refused', () => {
  const whole = Vocabulary.build({ users: [], items: [] }).toBytes().toString();
  for (const text of [
    '',
    '{',
    '[]',
    '{}',
    whole.replace('"format":2', '"format":3'),
    whole.replace('"users":0', '"users":[1]'),
    whole.replace('"tags":[]', '"tags":[1]'),
    '{"format":1,"users":[1],"items":[]}',
  ]) {
    assert.throws(() => Vocabulary.parse(Buffer.from(text)), { code: 'MR_VERSION_CORRUPT' });
  }
});

test('a vocabulary of an earlier release is read: all of it one JSON text', () => {
  const vocabulary = Vocabulary.build({
    users: [{ id: 'u "1"\\', profile: null }],
    items: [{ id: 'é', metadata: null }],
  });
  const { users, items, dictionaries } = vocabulary.contents;
  const stored = { format: 1, users: [...users], items: [...items], dictionaries };
  assert.deepEqual(Vocabulary.parse(Buffer.from(JSON.stringify(stored))).toBytes(), vocabulary.toBytes());
});

test('a vocabulary that is cut anywhere, or says another number of ids, is refused', () => {
  const ids = ['a', 'b "c"', 'd\ne', 'é'];
  const vocabulary = Vocabulary.build({
    users: ids.map((id) => ({ id, profile: null })),
    items: ids.map((id) => ({ id, metadata: null })),
  });
  const bytes = vocabulary.toBytes();
  assert.equal(Vocabulary.parse(bytes).itemIndex('d\ne'), 2);
  for (let end = 0; end < bytes.length; end++) {
    assert.throws(
      () => Vocabulary.parse(bytes.subarray(0, end)),
      { code: 'MR_VERSION_CORRUPT' },
      `cut at ${end}`,
    );
  }
  const text = bytes.toString();
  for (const wrong of [
    text.replace('"users":4', '"users":3'),
    text.replace('"items":4', '"items":5'),
    `${text}"f"\n`,
  ]) {
    assert.notEqual(wrong, text);
    assert.throws(() => Vocabulary.parse(Buffer.from(wrong)), { code: 'MR_VERSION_CORRUPT' });
  }
});
