import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InvariantError } from './errors.ts';
import { createMetrics, renderTogether } from './metrics.ts';

describe('metrics', () => {
  it('renders what was counted, prefixed', async () => {
    const metrics = createMetrics();
    metrics.counter('dropped_total', 'Records dropped.', ['reason']).inc({ reason: 'late' }, 3);
    metrics.gauge('lag_records', 'Lag.').set(7);
    metrics.histogram('commit_ms', 'Commit.', [], [1, 10]).observe(5);
    const text = await metrics.render();
    assert.match(text, /^millrace_dropped_total\{reason="late"\} 3$/m);
    assert.match(text, /^millrace_lag_records 7$/m);
    assert.match(text, /^millrace_commit_ms_bucket\{le="10"\} 1$/m);
    assert.match(metrics.contentType, /^text\/plain/);
  });

  it('gives one metric a name, and refuses another of the same name', () => {
    const metrics = createMetrics();
    const labels = ['reason'] as const;
    assert.equal(metrics.counter('a_total', 'A.', labels), metrics.counter('a_total', 'A.', labels));
    assert.throws(() => metrics.gauge('a_total', 'A.', labels), InvariantError);
    assert.throws(() => metrics.counter('a_total', 'A.'), InvariantError);
  });

  it('keeps two registries apart', async () => {
    const [first, second] = [createMetrics(), createMetrics()];
    first.counter('a_total', 'A.').inc();
    second.counter('a_total', 'A.').inc(2);
    assert.match(await second.render(), /^millrace_a_total 2$/m);
  });

  it('adds up what several threads have counted', async () => {
    const threads = [createMetrics(), createMetrics()];
    for (const [n, metrics] of threads.entries()) {
      metrics.counter('a_total', 'A.', ['reason']).inc({ reason: 'late' }, 2 + n);
      metrics.gauge('lag_records', 'Lag.', ['task']).set({ task: `t-${n}` }, n);
      metrics.histogram('commit_ms', 'Commit.', [], [1, 10]).observe(5 * n);
    }
    const values = await Promise.all(threads.map((metrics) => metrics.values()));
    const text = await renderTogether(structuredClone(values));
    assert.equal(text.match(/^# TYPE millrace_a_total counter$/gm)?.length, 1);
    assert.match(text, /^millrace_a_total\{reason="late"\} 5$/m);
    for (const n of [0, 1])
      assert.match(text, new RegExp(`^millrace_lag_records\\{task="t-${n}"\\} ${n}$`, 'm'));
    assert.match(text, /^millrace_commit_ms_bucket\{le="1"\} 1$/m);
    assert.match(text, /^millrace_commit_ms_count 2$/m);
  });
});
