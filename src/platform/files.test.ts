import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  fileProblem,
  fingerprint,
  ifThere,
  namesIn,
  PARTIAL_PREFIX,
  removePartial,
  replaceDurably,
  writeDurably,
} from './files.ts';
import { temporaryDirectory } from './testing/index.ts';

describe('files', () => {
  it('that are not there are undefined, and any other error is one', async (t) => {
    const directory = temporaryDirectory(t);
    assert.equal(await ifThere(readFile(join(directory, 'none'))), undefined);
    await writeDurably(join(directory, 'some'), Buffer.from('text'));
    assert.equal((await ifThere(readFile(join(directory, 'some'))))?.toString(), 'text');
    assert.equal(await ifThere(readFile(join(directory, 'some', 'below'))), undefined);
    await assert.rejects(ifThere(readFile(directory)), { code: 'EISDIR' });
    assert.deepEqual(await namesIn(join(directory, 'none')), []);
  });

  it('that were cut, changed or removed are told from those that were written', async (t) => {
    const path = join(temporaryDirectory(t), 'file');
    assert.match((await fileProblem(path, { bytes: 4, sha256: '' })) ?? '', /not there/);
    await writeDurably(path, Buffer.from('longer than what comes next'));
    await writeDurably(path, Buffer.from('text'));
    const written = await fingerprint(path);
    assert.equal(await fileProblem(path, written), undefined);
    writeFileSync(path, 'next');
    assert.match((await fileProblem(path, written)) ?? '', /a SHA-256 other/);
    truncateSync(path, 3);
    assert.equal(await fileProblem(path, written), 'has 3 bytes, but was written with 4');
    assert.equal(readFileSync(path, 'utf8'), 'nex');
  });

  it('are replaced whole, and nothing stays aside', async (t) => {
    const directory = temporaryDirectory(t);
    const path = join(directory, 'file');
    writeFileSync(join(directory, `${PARTIAL_PREFIX}file`), 'left by a crash, and longer than the next');
    await replaceDurably(path, Buffer.from('first'));
    await replaceDurably(path, Buffer.from('next'));
    assert.equal(readFileSync(path, 'utf8'), 'next');
    mkdirSync(join(directory, 'directory'));
    await assert.rejects(replaceDurably(join(directory, 'directory'), Buffer.from('text')));
    await assert.rejects(replaceDurably(join(directory, 'none', 'file'), Buffer.from('text')));
    assert.deepEqual(await namesIn(directory), ['directory', 'file']);
  });

  it('of writers that have crashed go, those of others stay', async (t) => {
    const directory = temporaryDirectory(t);
    for (const name of ['.partial-erasure-1', '.partial-archive-1', 'whole'])
      mkdirSync(join(directory, name));
    await removePartial(directory, '.partial-archive-');
    assert.deepEqual(await namesIn(directory), ['.partial-erasure-1', 'whole']);
    await removePartial(directory);
    assert.deepEqual(await namesIn(directory), ['whole']);
  });
});
