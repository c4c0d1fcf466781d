import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ManualClock } from '#platform/testing';
import { TracedChanges } from './traced-changes.ts';

it('the event that changed a user last is given to one answer, for a minute', async () => {
  const clock = new ManualClock(0);
  const changes = new TracedChanges(clock);
  changes.note('u1', 'first');
  changes.note('u1', 'second');
  assert.equal(changes.take('u2'), undefined);
  assert.equal(changes.take('u1'), 'second');
  assert.equal(changes.take('u1'), undefined);
  changes.note('u1', 'third');
  await clock.advance(60_000);
  assert.equal(changes.take('u1'), 'third');
  changes.note('u1', 'fourth');
  await clock.advance(60_001);
  assert.equal(changes.take('u1'), undefined);
});

it('of a thousand users, and no more; who changes again counts as new', () => {
  const changes = new TracedChanges(new ManualClock(0));
  for (let user = 0; user < 1_000; user++) changes.note(`u${user}`, 'trace');
  changes.note('u0', 'again');
  changes.note('u1000', 'trace');
  assert.equal(changes.take('u1'), undefined);
  assert.equal(changes.take('u0'), 'again');
  assert.equal(changes.take('u2'), 'trace');
});
