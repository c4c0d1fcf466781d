import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { TITLE_BUCKETS, titleGrams } from './title.ts';

test('a title is its words, then the parts of its words', () => {
  // "ab" is the word and the grams "<ab" and "ab>".
  assert.equal(titleGrams('ab').length, 3);
  assert.equal(titleGrams('ab ab, AB!').length, 3, 'each once');
  assert.deepEqual(titleGrams('Ab cd').slice(0, 2), [titleGrams('ab')[0], titleGrams('cd')[0]]);
  assert.deepEqual(titleGrams(''), []);
  assert.deepEqual(titleGrams(' -- '), []);
});

test('case and diacritics make no difference; a stem is shared', () => {
  assert.deepEqual(titleGrams('Amélie'), titleGrams('AMELIE'));
  const common = new Set(titleGrams('Running')).intersection(new Set(titleGrams('Runner')));
  assert.ok(common.size >= 3, 'that begins as <ru, run, unn');
  assert.ok(new Set(titleGrams('Running')).isDisjointFrom(new Set(titleGrams('Cake'))));
});

test('grams are distinct buckets, whatever the script', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (title) => {
      const grams = titleGrams(title);
      assert.equal(new Set(grams).size, grams.length);
      assert.ok(grams.every((gram) => Number.isInteger(gram) && gram >= 0 && gram < TITLE_BUCKETS));
      assert.deepEqual(titleGrams(title), grams);
    }),
  );
  assert.ok(titleGrams('千と千尋の神隠し').length > 5);
});
