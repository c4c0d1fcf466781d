import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { createLogger, createMetrics, freeBytes } from '#platform';
import { ManualClock, temporaryDirectory } from '#platform/testing';
import { Intake, type IntakeOptions } from './intake.ts';

function intake(t: TestContext, options: Partial<IntakeOptions>) {
  const metrics = createMetrics();
  const directory = temporaryDirectory(t);
  const logger = createLogger({ level: 'silent', name: 'test' });
  const defaults = { directory, reserveBytes: 0, maxLag: 0, lag: () => 0, isMakingWorld: () => false };
  return {
    metrics,
    intake: new Intake({ ...defaults, logger, metrics, clock: new ManualClock(), ...options }),
  };
}

describe('Intake', () => {
  it('refuses events while too many wait, and any number never where no bound is set', (t) => {
    let lag = 11;
    const bounded = intake(t, { maxLag: 10, lag: () => lag }).intake;
    assert.equal(bounded.refusal()?.code, 'MR_EVENTS_LAG');
    assert.equal(bounded.notReady(), undefined);
    lag = 10;
    assert.equal(bounded.refusal(), undefined);
    assert.equal(intake(t, { maxLag: 0, lag: () => 1e9 }).intake.refusal(), undefined);
  });

  it('refuses events while the world is made, behind which they would leave its own late', (t) => {
    let making = true;
    const { intake: starting } = intake(t, { isMakingWorld: () => making });
    assert.equal(starting.refusal()?.code, 'MR_EVENTS_STARTING');
    making = false;
    assert.equal(starting.refusal(), undefined);
  });

  it('refuses events while the disk has less room than is kept, and says how much there is', async (t) => {
    const { metrics, intake: low } = intake(t, { reserveBytes: Number.MAX_SAFE_INTEGER });
    assert.equal(low.refusal()?.code, 'MR_DISK_LOW');
    assert.match(low.notReady() ?? '', /has no space for events: The disk of .* has \d+ MB free/);
    assert.match(await metrics.render(), /^millrace_disk_free_bytes [1-9]/m);
    const { intake: elsewhere } = intake(t, { reserveBytes: Number.MAX_SAFE_INTEGER, directory: undefined });
    assert.equal(elsewhere.refusal(), undefined);
    assert.ok(freeBytes('/') > 0);
  });
});
