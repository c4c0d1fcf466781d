import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openEmbeddedLog } from '#log';
import { createLogger, createMetrics, systemClock } from '#platform';
import { ManualClock, temporaryDirectory } from '#platform/testing';
import { cleanPeriodically } from './cleaning.ts';

describe('cleaning', () => {
  it('removes what is past its retention, pass by pass, until it is told to end', async (t) => {
    const log = await openEmbeddedLog({ directory: temporaryDirectory(t), clock: systemClock });
    t.after(() => log.close());
    await log.createTopics([
      { name: 'short', partitions: 1, cleanup: { policy: 'delete', retentionMs: 10 } },
    ]);
    const producer = await log.producer();
    for (const timestamp of [0, 1000]) {
      await producer.append('short', 0, [{ key: null, value: Buffer.from('x'), timestamp }]);
    }

    const clock = new ManualClock();
    const passes: (() => void)[] = [];
    const passed = () => new Promise<void>((resolve) => passes.push(resolve));
    let failing = true;
    const clean = async () => {
      try {
        if (failing) throw new Error('the disk is busy');
        return await log.clean();
      } finally {
        passes.shift()?.();
      }
    };
    const controller = new AbortController();
    const logger = createLogger({ level: 'silent', name: 'test' });
    const metrics = createMetrics();
    const ended = cleanPeriodically({
      log: { clean },
      clock,
      logger,
      metrics,
      intervalMs: 1000,
      signal: controller.signal,
    });

    for (const broken of [true, false]) {
      failing = broken;
      const pass = passed();
      await clock.advance(1000);
      await pass;
      await clock.advance(0);
    }
    const [description] = await log.describeTopics(['short']);
    assert.equal(description?.offsets[0]?.start, 1);
    controller.abort();
    await ended;
    assert.match(await metrics.render(), /log_cleaning_failures_total 1/);
    assert.match(await metrics.render(), /log_cleaned_total\{what="expired_batches"\} 1/);
  });
});
