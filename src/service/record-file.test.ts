import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { temporaryDirectory } from '#platform/testing';
import { readRecordFile, writeRecordFile } from './record-file.ts';

const value = { seed: 42, users: 300, made: true, options: [{ 'admission.latenessMs': 10_000 }] };

it('any flipped bit of a record file is noticed, or changes nothing', (t) => {
  const path = join(temporaryDirectory(t), 'world.json');
  assert.equal(readRecordFile(path), undefined);
  writeRecordFile(path, value);
  assert.deepEqual(readRecordFile(path), value);
  const bytes = readFileSync(path);
  for (let at = 0; at < bytes.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] as number) ^ (1 << bit);
      writeFileSync(path, flipped);
      let read: object | undefined;
      try {
        read = readRecordFile(path);
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'MR_DATA_CORRUPT');
        continue;
      }
      assert.deepEqual(read, value, `bit ${bit} of byte ${at}`);
    }
  }
});

it('one that was written before there were checksums is read as it is', (t) => {
  const path = join(temporaryDirectory(t), 'world.json');
  writeFileSync(path, JSON.stringify(value));
  assert.deepEqual(readRecordFile(path), value);
});
