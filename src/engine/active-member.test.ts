import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { openSimulatedLog } from '#log';
import { createLogger, FatalError, RetryableError, systemClock } from '#platform';
import { type ActiveMemberOptions, asActiveMember } from './active-member.ts';

/** A member of a log whose group can't be joined as often as there are errors. */
function member(t: TestContext, ...errors: Error[]): ActiveMemberOptions {
  const log = openSimulatedLog({ clock: systemClock, random: () => 0, maxDelayMs: 0 });
  t.after(() => log.close());
  const moody = Object.create(log, {
    joinGroup: {
      value: async (...args: Parameters<typeof log.joinGroup>) => {
        const error = errors.shift();
        if (error !== undefined) throw error;
        return log.joinGroup(...args);
      },
    },
  });
  return {
    log: moody,
    clock: { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms / 100, signal) },
    logger: createLogger({ level: 'silent', name: 'test' }),
    group: 'workers',
    committedTopics: [],
    instanceId: 'main',
  };
}

const away = () => new RetryableError('MR_LOG_UNAVAILABLE', 'away');

describe('the active member of a group', () => {
  it('waits for a log that is away, before its work and in it', async (t) => {
    const stopping = new AbortController();
    let works = 0;
    await asActiveMember(member(t, away(), away()), stopping.signal, async () => {
      works++;
      if (works === 1) throw away();
      stopping.abort();
    });
    assert.equal(works, 2);
  });

  it('goes on in its place when another writer has fenced it, unless it has lost the place by then', async (t) => {
    const fenced = new FatalError('MR_LOG_FENCED', 'another writer');
    const stopping = new AbortController();
    const worked: string[] = [];
    const options = member(t);
    await asActiveMember(options, stopping.signal, async (place) => {
      worked.push(String(place.group().generation));
      if (worked.length === 1) throw fenced;
      if (worked.length > 2) return stopping.abort();
      const successor = await options.log.joinGroup({
        group: options.group,
        memberId: options.instanceId,
        metadata: Buffer.alloc(0),
        sessionTimeoutMs: 10_000,
        assign: (members) => new Map(members.map(({ memberId }) => [memberId, Buffer.from('active')])),
      });
      await successor.leave();
      throw fenced;
    });
    const [first, again, rejoined] = worked;
    assert.equal(first, again);
    assert.notEqual(rejoined, again);
  });

  it('names a full disk, which is waited for', async (t) => {
    const stopping = new AbortController();
    let works = 0;
    const options = { ...member(t), dataDirectory: '/data' };
    await asActiveMember(options, stopping.signal, async () => {
      works++;
      if (works === 1) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      stopping.abort();
    });
    assert.equal(works, 2);
  });

  it('does not wait where somebody waits for it, nor for what does not pass', async (t) => {
    const work = () => assert.fail('it has no place');
    const { signal } = new AbortController();
    await assert.rejects(asActiveMember({ ...member(t, away()), isAwaited: true }, signal, work), {
      code: 'MR_LOG_UNAVAILABLE',
    });
    const corrupt = new FatalError('MR_LOG_CORRUPT', 'damaged');
    await assert.rejects(asActiveMember(member(t, corrupt), signal, work), { code: 'MR_LOG_CORRUPT' });
  });
});
