import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createMetrics } from '#platform';
import { type RuntimeStatus, reportOf, StatusGauges } from './status.ts';

const restore = { restored: 30, total: 100, recordsPerSecond: 10, etaMs: 7_000 };
const status: RuntimeStatus = {
  memberId: 'a',
  isRebalancing: false,
  bufferedBytes: 0,
  commitMs: 3,
  tasks: [
    {
      name: 'input-0',
      state: 'running',
      inputs: [
        { topic: 'input', partition: 0, position: 5, end: 12, lag: 7 },
        { topic: 'other', partition: 0, position: 5, end: 8, lag: 3 },
      ],
      watermark: 42,
    },
    { name: 'input-1', state: 'restoring', inputs: [], watermark: null, restore },
  ],
};

it('a report has the operators of each running task with its state', () => {
  const counts = [{ operator: 'sum', in: 5, out: 4, dropped: { late: 1 }, rejected: {} }];
  const report = reportOf({ status: () => status, tasks: [{ name: 'input-0', operators: () => counts }] });
  assert.deepEqual(
    report.tasks.map(({ name, operators }) => [name, operators]),
    [
      ['input-0', counts],
      ['input-1', []],
    ],
  );
  assert.equal(report.commitMs, 3);
  assert.deepEqual(JSON.parse(JSON.stringify(report)), report);
});

it('gauges follow the tasks, and go with them', async () => {
  const metrics = createMetrics();
  const gauges = new StatusGauges(metrics);
  const lines = async () => {
    const rendered = await metrics.render();
    return rendered.split('\n').filter((line) => line.startsWith('millrace_'));
  };
  gauges.publish(status);
  const tasksIn = (states: Readonly<Record<string, number>>) =>
    ['created', 'restoring', 'running', 'suspended', 'standby'].map(
      (state) => `millrace_engine_tasks{state="${state}"} ${states[state] ?? 0}`,
    );
  assert.deepEqual(await lines(), [
    ...tasksIn({ running: 1, restoring: 1 }),
    'millrace_engine_task_lag_records{task="input-0"} 10',
    'millrace_engine_task_watermark_ms{task="input-0"} 42',
    'millrace_engine_restore_remaining_records{task="input-1"} 70',
    'millrace_engine_restore_eta_ms{task="input-1"} 7000',
  ]);
  const [running] = status.tasks;
  assert.ok(running);
  gauges.publish({ ...status, tasks: [{ ...running, name: 'input-1', watermark: null }] });
  assert.deepEqual(await lines(), [
    ...tasksIn({ running: 1 }),
    'millrace_engine_task_lag_records{task="input-1"} 10',
  ]);
});
