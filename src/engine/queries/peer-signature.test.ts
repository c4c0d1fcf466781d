import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isPeerToken, signPeerRequest, verifyPeerRequest } from './peer-signature.ts';

const SECRET = 'a secret of the processes';
const PATH = '/tasks/a/0/rows?store=s&role=active';
const NOW = 1_800_000_000_000;

it('signatures of peers hold for one request, one secret and a minute', () => {
  const token = signPeerRequest(SECRET, PATH, NOW);
  assert.ok(isPeerToken(token));
  assert.ok(!token.includes(SECRET));
  assert.equal(verifyPeerRequest(SECRET, token, PATH, NOW), true);
  assert.equal(verifyPeerRequest(SECRET, token, PATH, NOW - 60_000), true);
  assert.equal(verifyPeerRequest(SECRET, token, PATH, NOW + 60_001), false);
  assert.equal(verifyPeerRequest(SECRET, token, PATH, NOW - 60_001), false);
  assert.equal(verifyPeerRequest('another secret of theirs', token, PATH, NOW), false);
  assert.equal(verifyPeerRequest(SECRET, token, `${PATH}&key=aTE`, NOW), false);
  assert.equal(verifyPeerRequest(SECRET, token.replace(String(NOW), String(NOW + 1)), PATH, NOW), false);
  for (const wrong of ['', 'peer', 'peer.1.x', `${token}A`, `x${token}`, 'peer.-1.'.padEnd(52, 'A')]) {
    assert.ok(!isPeerToken(wrong));
    assert.equal(verifyPeerRequest(SECRET, wrong, PATH, NOW), false, wrong);
  }
});
