import assert from 'node:assert/strict';
import { it } from 'node:test';
import { temporaryDirectory } from '#platform/testing';
import { s3Server } from '#servers';
import { loadConfiguration } from '#service/configuration';
import { placeToRead, placeToWrite } from './place.ts';

/** As a command line with these flags has it. */
function configured(directory: string, flags: Readonly<Record<string, string>> = {}) {
  return loadConfiguration({ flags, environment: { KEY_ID: 'id', KEY: 'the secret' }, directory });
}

it('an address of an object store is a place, by the credentials that the options refer to', async (t) => {
  const server = await s3Server(t);
  if (server === undefined) return;
  const configuration = configured(temporaryDirectory(t), {
    'objectStore.endpoint': server.url,
    'objectStore.accessKeyId': 'env:KEY_ID',
    'objectStore.secretAccessKey': 'env:KEY',
  });
  const place = `s3://${await server.bucket()}/backups`;
  const store = await placeToWrite(place, configuration);
  t.after(() => store.close());
  assert.equal(await store.put('a', Buffer.from('x')), true);
  const read = await placeToRead(place, configuration);
  t.after(() => read.close());
  assert.equal((await read.get('a'))?.toString(), 'x');
});

it('one without credentials, and what is neither directory nor object store, are refused', async (t) => {
  const configuration = configured(temporaryDirectory(t));
  const noKey = { code: 'MR_STORAGE_ADDRESS', message: /objectStore\.accessKeyId is not set/ };
  await assert.rejects(placeToWrite('s3://bucket', configuration), noKey);
  await assert.rejects(placeToRead('s3://bucket', configuration), noKey);
  await assert.rejects(placeToRead('gs://bucket', configuration), { message: /gs:\/\/bucket is neither/ });
});
