import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseRegistryUrl } from './registry-options.ts';

describe('address of a schema registry', () => {
  it('is an address with a path, a user and a prefix', () => {
    const { url, username, password, prefix } = parseRegistryUrl(
      'https://ann:p%40ss@host:8443/apis/ccompat/v7/?prefix=a-',
    );
    assert.deepEqual(
      { url, username, password, prefix },
      { url: 'https://host:8443/apis/ccompat/v7', username: 'ann', password: 'p@ss', prefix: 'a-' },
    );
    assert.equal(parseRegistryUrl('http://127.0.0.1:8081').url, 'http://127.0.0.1:8081');
    assert.equal(parseRegistryUrl('http://ann:old@h', { password: 'new' }).password, 'new');
  });

  it('is refused where it makes no sense, without showing a password', () => {
    for (const wrong of [
      'registry.example.org',
      'ftp://ann:secret@host',
      'http://ann:secret@host?perfix=a',
      'http://:secret@host',
      'http://ann:secret%@host',
      'http://ann:secret@host?ca=/nowhere/ca.pem',
    ]) {
      assert.throws(
        () => parseRegistryUrl(wrong),
        (error: Error & { code?: string; remedy?: string }) => {
          assert.equal(error.code, 'MR_SCHEMA_REGISTRY_URL');
          assert.equal(error.remedy, 'fix-configuration');
          assert.doesNotMatch(error.message, /secret/);
          return true;
        },
      );
    }
  });
});
