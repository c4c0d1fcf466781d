import assert from 'node:assert/strict';
import { it } from 'node:test';
import { verifyWebHook } from './web-hook.ts';

const NOW_MS = 1_700_000_000_000;

// printf '1700000000.{}' | openssl dgst -sha256 -hmac key
const SIGNATURE = 'sha256=9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae';
const headers = { 'x-millrace-timestamp': '1700000000', 'x-millrace-signature': SIGNATURE };
const post = { secret: 'key', headers, body: '{}', nowMs: NOW_MS };

it('takes a post that is signed and new, up to the tolerance', async () => {
  assert.equal(await verifyWebHook(post), true);
  assert.equal(await verifyWebHook({ ...post, nowMs: NOW_MS + 300_000 }), true);
  assert.equal(await verifyWebHook({ ...post, nowMs: NOW_MS + 301_000, toleranceMs: 301_000 }), true);
});

it('refuses what is old, from the future, changed, unsigned or signed by another secret', async () => {
  const wrong = [
    { nowMs: NOW_MS + 300_001 },
    { nowMs: NOW_MS - 300_001 },
    { body: '{ }' },
    { secret: 'other' },
    { headers: { ...headers, 'x-millrace-timestamp': '1700000001' } },
    { headers: { ...headers, 'x-millrace-timestamp': 'now' } },
    { headers: { ...headers, 'x-millrace-signature': SIGNATURE.replace('9d', '9e') } },
    { headers: { ...headers, 'x-millrace-signature': 'sha256=' } },
    { headers: { 'x-millrace-timestamp': '1700000000' } },
    { headers: { 'x-millrace-signature': SIGNATURE } },
  ];
  for (const each of wrong)
    assert.equal(await verifyWebHook({ ...post, ...each }), false, JSON.stringify(each));
});
