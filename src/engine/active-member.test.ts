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
