import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { temporaryDirectory } from '#platform/testing';
import { loadConfiguration } from './configuration.ts';
import { requireTrainingFiles } from './training.ts';

it('the files of a text encoder are looked for before there is anything to train on', async (t) => {
  const directory = temporaryDirectory(t);
  const path = join(directory, 'encoder.onnx');
  const required = (flags: Readonly<Record<string, string>>) =>
    requireTrainingFiles(loadConfiguration({ flags, environment: {}, directory }));
  const missing = (name: string) => ({
    code: 'MR_TEXT_ENCODER_MISSING',
    message: new RegExp(`${name} can't be read: ENOENT`),
  });
  await required({});
  for (const option of ['training.textEncoder', 'models.two-tower.textEncoder']) {
    const given = { [option]: path };
    await assert.rejects(required(given), missing('encoder.onnx'), option);
    writeFileSync(path, 'graph');
    await assert.rejects(required(given), missing('tokenizer.json'), option);
    writeFileSync(join(directory, 'vocab.txt'), '[PAD]');
    await required(given);
    for (const name of ['encoder.onnx', 'vocab.txt']) rmSync(join(directory, name));
    await required({ ...given, roles: 'gateway' });
  }
});
