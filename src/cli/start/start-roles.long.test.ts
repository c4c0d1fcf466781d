import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { inspectLock } from '#platform';
import { commandLine, smallWorld } from '../testing/command-line.ts';

const upLine = /^\{"url":"(http[^"]*)".*\}$/m;

it('processes of one machine share a data directory, one a role, and end in order', async (t) => {
  const { begin, run, print, directory } = commandLine(t, { ...smallWorld, simulation: 'off' });
  const gateway = begin(['start', '--roles', 'gateway', '--json']);
  const responder = begin(['start', '--roles', 'responder,processors', '--json']);
  const [, url] = await gateway.until(upLine);
  const [, answering] = await responder.until(upLine);

  const refused = await run(['start', '--roles', 'archive,gateway']);
  assert.equal(refused.code, 2);
  assert.match(refused.err, new RegExp(`^error MR_DATA_LOCKED: .* process ${gateway.pid} \\(start\\)`));
  const whole = await run(['start']);
  assert.match(whole.err, /^error MR_DATA_LOCKED: /);
  const unknown = await print(['start', '--roles', 'gateway,cook']);
  assert.equal(unknown.code, 2);
  assert.match(unknown.err, /^error MR_CONFIG_INVALID: Option roles/);

  const body = JSON.stringify({ user_id: 'anna', item_id: 'i1', kind: 'click', ts: Date.now() });
  const headers = { 'content-type': 'application/json', connection: 'close' };
  assert.equal((await fetch(`${url}/events`, { method: 'POST', headers, body })).status, 202);
  const asked = await print(['recommend', 'anna', '--json']);
  assert.equal(asked.code, 0, asked.err);
  assert.equal(inspectLock(join(directory, '.millrace'), 'responder').address, answering, 'which was asked');

  assert.equal((await gateway.signal('SIGTERM')).code, 0);
  assert.equal((await responder.signal('SIGTERM')).code, 0);
});
