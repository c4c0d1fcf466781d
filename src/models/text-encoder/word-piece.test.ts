import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WordPiece } from './word-piece.ts';

const lowerCase = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'run', '##ning', '##n', 'amelie', ',', '$', '京', '!'];

function tokensOf(tokens: readonly string[], text: string, length = 64): string[] {
  const pieces = WordPiece.parse(`${tokens.join('\n')}\n`);
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
  assert.equal(WordPiece.parse('a\nb\n'), undefined);
});
