import assert from 'node:assert/strict';
import { it } from 'node:test';
import { describeTopology, reportOf, StatusGauges, topologyMermaid, topologyText } from '#engine';
import { createMetrics } from '#platform';
import { openLog, start, write } from './setting.ts';
import { watching, wideTotals, wideViews } from './watching.ts';

it('describe', () => {
  const topology = watching();
  // example: describe
  const description = describeTopology(topology);
  const text = topologyText(description);
  const flowchart = topologyMermaid(description);
  const json = JSON.stringify(description);
  // end
  assert.match(text, /store total\/state: key-value, changelog watching-1-total-state-changelog/);
  assert.match(flowchart, /^flowchart TD/);
  assert.deepEqual(JSON.parse(json), description);
  assert.equal(description.subTopologies.length, 1);
});

it('counters, lag and watermark', async (t) => {
  const log = await openLog(t);
  await log.createTopics([wideViews, wideTotals]);
  await write(log, wideViews, ['ann', { item: 'a', seconds: 30 }, 1_000]);
  const runtime = await start(t, log, watching());
  // example: report
  const { tasks, commitMs, bufferedBytes } = reportOf(runtime);
  const lines: string[] = [];
  for (const { name, state, inputs, watermark, operators, restore } of tasks) {
    const lag = inputs.reduce((sum, input) => sum + (input.lag ?? 0), 0);
    const late = operators.reduce((sum, { dropped: { late = 0 } }) => sum + late, 0);
    const eta =
      restore === undefined ? '' : `, ${restore.restored} of ${restore.total}, ${restore.etaMs} ms to go`;
    lines.push(`${name}: ${state}, lag ${lag}, watermark ${watermark}, late ${late}${eta}`);
  }
  // end
  assert.equal(tasks.length, 4);
  assert.match(lines.join('\n'), /wide-views-\d: running, lag 0, watermark 1000, late 0/);
  assert.ok(commitMs !== null && bufferedBytes === 0);
  assert.deepEqual(
    tasks.map(({ state }) => state),
    ['running', 'running', 'running', 'running'],
  );
  const total = tasks.flatMap(({ operators }) => operators.filter(({ operator }) => operator === 'total'));
  assert.equal(
    total.reduce((sum, each) => sum + each.in, 0),
    1,
  );
  const metrics = createMetrics();
  const gauges = new StatusGauges(metrics);
  gauges.publish(runtime.status());
  assert.match(await metrics.render(), /engine_task_lag_records\{task="wide-views-0"\} 0/);
});
