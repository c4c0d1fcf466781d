import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { it } from 'node:test';
import { guardedS3 } from '#servers';
import { objectStoreContract } from '../contract.ts';
import { storeAt } from '../testing/s3.ts';

objectStoreContract('S3', async (t) => {
  const guarded = await guardedS3(t);
  if (guarded === undefined) return undefined;
  const { server, bucket, key } = guarded;
  return storeAt(t, server.url, `s3://${bucket}/some/${randomUUID()}`, key);
});

it('requests by another key, or another secret, are refused', async (t) => {
  const guarded = await guardedS3(t);
  if (guarded === undefined) return;
  const { server, bucket, key } = guarded;
  const denied = { code: 'MR_STORAGE_DENIED', hint: /objectStore\.secretAccessKey/ };
  for (const other of [{ secretAccessKey: 'another' }, { accessKeyId: 'AKIAANOTHER000000000' }]) {
    const store = storeAt(t, server.url, `s3://${bucket}`, { ...key, ...other });
    await assert.rejects(store.put('a', Buffer.from('x')), denied);
    await assert.rejects(store.list(''), denied);
  }
});
