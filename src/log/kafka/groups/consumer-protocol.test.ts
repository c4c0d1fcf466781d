import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { errorCode } from '#platform';
import { seededBytes } from '#platform/testing';
import { decodeShare, decodeSubscription, encodeShare, encodeSubscription } from './consumer-protocol.ts';

const bytes = fc
  .record({ seed: fc.uint8Array({ minLength: 1, maxLength: 40 }), times: fc.nat({ max: 60 }) })
  .map(({ seed, times }) => Buffer.concat(Array.from({ length: times }, () => seed)));

test('what is encoded comes back, short and long', () => {
  fc.assert(
    fc.property(
      fc.array(fc.stringMatching(/^[a-z]{1,20}$/)),
      fc.nat(2 ** 32 - 1),
      bytes,
      (names, ask, own) => {
        const topics = names.sort();
        const decoded = decodeSubscription(encodeSubscription({ topics, ask, metadata: own }));
        assert.deepEqual(decoded, { topics, ask, metadata: own });
        assert.deepEqual(decodeShare(encodeShare(own)), own);
      },
    ),
  );
});

test("a subscription is laid out as Kafka's consumers do it", () => {
  const encoded = encodeSubscription({ topics: ['in'], ask: 3, metadata: Buffer.from('me') });
  const expected = Buffer.concat([
    Buffer.from([0, 1]),
    Buffer.from([0, 0, 0, 1, 0, 2]),
    Buffer.from('in'),
    Buffer.from([0, 0, 0, 7, 0, 0, 0, 3, 0]),
    Buffer.from('me'),
    Buffer.from([0, 0, 0, 0]),
  ]);
  assert.deepEqual(encoded, expected);
});

test('each time that a member asks it says something new', () => {
  const metadata = Buffer.from('me');
  const first = encodeSubscription({ topics: [], ask: 0, metadata });
  assert.notDeepEqual(encodeSubscription({ topics: [], ask: 1, metadata }), first);
});

test('a member without a share has an empty one', () => {
  assert.deepEqual(decodeShare(Buffer.alloc(0)), Buffer.alloc(0));
});

test('what is long and says the same over again takes less', () => {
  const row = `["counts-1",{"active":{"memberId":"${seededBytes(8).toString('hex')}"},"standbys":[]}],`;
  assert.ok(encodeShare(Buffer.from(row.repeat(500))).length < row.length * 50);
});

test('bytes of an unknown format are refused', () => {
  const share = encodeShare(Buffer.from('share'));
  share[share.length - 6] = 9;
  assert.throws(
    () => decodeShare(share),
    (error) => errorCode(error) === 'MR_LOG_CORRUPT',
  );
});
