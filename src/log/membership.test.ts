import assert from 'node:assert/strict';
import { it } from 'node:test';
import { coordinate, emptyGroup } from './group-coordination.ts';
import { type Coordinator, joinGroup } from './membership.ts';
import type { JoinOptions } from './port.ts';

const SESSION_MS = 1_000;

const optionsOf = (memberId: string): JoinOptions => ({
  group: 'g',
  memberId,
  metadata: Buffer.alloc(0),
  sessionTimeoutMs: SESSION_MS,
  assign: (members) => new Map(members.map(({ memberId: id }) => [id, Buffer.from(id)])),
});

/** A group kept in memory; `between` happens while a member waits for a round. */
function world(between: () => Promise<void> | void) {
  const state = emptyGroup();
  const time = { now: 0 };
  const requests: string[] = [];
  const coordinator: Coordinator = {
    now: () => time.now,
    send: async (request) => {
      requests.push(`${request.kind} ${'memberId' in request ? request.memberId : ''}`);
      return coordinate(state, request);
    },
    heartbeat: async (group, memberId, generation) =>
      coordinate(state, { kind: 'heartbeat', group, memberId, generation, now: time.now }),
    changed: async () => {
      await between();
    },
  };
  return { coordinator, time, requests };
}

it('a member under a name of its own that stands still beyond its session while it joins, joins again', async () => {
  let stalls = 2;
  const { coordinator, time, requests } = world(() => {
    time.now += stalls-- > 0 ? 2 * SESSION_MS : 100;
  });
  // Somebody whose round the other has to wait for.
  const first = await joinGroup(coordinator, optionsOf('a'));
  const joined = await joinGroup(coordinator, optionsOf('b'));
  assert.equal(joined.assignment.toString(), 'b');
  assert.ok(requests.filter((request) => request === 'join b').length > 1, requests.join());
  assert.equal(await first.heartbeat(), 'expelled');
});

it('one that was replaced by a later instance under its name gives up', async () => {
  let joinAgain: (() => Promise<unknown>) | undefined;
  const { coordinator } = world(async () => {
    const join = joinAgain;
    joinAgain = undefined;
    await join?.();
  });
  await joinGroup(coordinator, optionsOf('a'));
  joinAgain = () =>
    coordinator.send({
      kind: 'join',
      group: 'g',
      memberId: 'b',
      metadata: '',
      sessionTimeoutMs: SESSION_MS,
      now: 0,
    });
  await assert.rejects(joinGroup(coordinator, optionsOf('b')), { code: 'MR_LOG_GENERATION' });
});
