import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WordPiece } from './word-piece.ts';

const lowerCase = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'run', '##ning', '##n', 'amelie', ',', '$', '京', '!'];

function tokensOf(tokens: readonly string[], text: string, length = 64): string[] {
  const pieces = WordPiece.ofVocabulary(`${tokens.join('\n')}\n`);
  assert.ok(pieces);
  return pieces.encode(text, length).map((id) => tokens[id] as string);
}

test('words are cut into the longest pieces, signs and ideographs stand by themselves', () => {
  assert.deepEqual(tokensOf(lowerCase, 'Running, runn'), [
    '[CLS]',
    'run',
    '##ning',
    ',',
    'run',
    '##n',
    '[SEP]',
  ]);
  assert.deepEqual(tokensOf(lowerCase, 'AMÉLIE!$'), ['[CLS]', 'amelie', '!', '$', '[SEP]']);
  assert.deepEqual(tokensOf(lowerCase, '京京都'), ['[CLS]', '京', '京', '[UNK]', '[SEP]']);
  assert.deepEqual(tokensOf(lowerCase, 'run\u0000ning\u200b\trunx'), [
    '[CLS]',
    'run',
    '##ning',
    '[UNK]',
    '[SEP]',
  ]);
  assert.deepEqual(tokensOf(lowerCase, `run${'n'.repeat(98)}`), ['[CLS]', '[UNK]', '[SEP]']);
  assert.deepEqual(tokensOf(lowerCase, ''), ['[CLS]', '[SEP]']);
});

test('a text is cut after its first tokens', () => {
  assert.deepEqual(tokensOf(lowerCase, 'run run run run', 4), ['[CLS]', 'run', 'run', '[SEP]']);
});

test('a vocabulary with capitals is of text as it is', () => {
  const cased = [...lowerCase, 'Amélie'];
  assert.deepEqual(tokensOf(cased, 'Amélie amelie RUN'), ['[CLS]', 'Amélie', 'amelie', '[UNK]', '[SEP]']);
});

test('what lacks the tokens that frame texts is no vocabulary', () => {
  assert.equal(WordPiece.ofVocabulary('a\nb\n'), undefined);
});

test('a tokenizer.json says itself whether its text is lower-case; what is not as BERT has it is none', () => {
  const tokens = ['[UNK]', '[CLS]', '[SEP]', 'run', 'Run'];
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const tokenizer = (changes: object, type = 'WordPiece') => {
    const bert = { type: 'BertNormalizer', lowercase: true, strip_accents: null, handle_chinese_chars: true };
    const json = { model: { type, vocab }, normalizer: { ...bert, ...changes } };
    return WordPiece.ofTokenizer(JSON.stringify(json))?.encode('Run', 64);
  };
  assert.deepEqual(tokenizer({}), [1, 3, 2]);
  assert.deepEqual(tokenizer({ lowercase: false }), [1, 4, 2]);
  assert.equal(tokenizer({ strip_accents: false }), undefined);
  assert.equal(tokenizer({ handle_chinese_chars: false }), undefined);
  assert.equal(tokenizer({ type: 'Lowercase' }), undefined);
  assert.equal(tokenizer({}, 'BPE'), undefined);
  for (const text of ['', '{}', '[]', '{"model": null}'])
    assert.equal(WordPiece.ofTokenizer(text), undefined);
});
