import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { metricsCatalogue } from '../generate/metrics-page.ts';
import { runToEnd } from '../servers/programs.ts';
import { serversSkip } from '../servers/shared.ts';
import { alerts } from './alerts.ts';
import { dashboards } from './dashboards.ts';
import { undeclaredIn } from './expressions.ts';
import { grafanaDashboard, ofInstances } from './grafana.ts';

const root = join(import.meta.dirname, '../..');
const declared = new Map(metricsCatalogue(root).map((metric) => [metric.name, metric]));
const panels = dashboards.flatMap((dashboard) => dashboard.panels);
const runbooks = globSync('docs/runbooks/*.md', { cwd: root });

describe('dashboards and alerts', () => {
  it('name metrics and labels that the product declares', () => {
    const expressions = [
      ...panels.flatMap(({ queries }) => queries.map(({ expression }) => expression)),
      ...alerts.map(({ expression }) => expression),
    ];
    assert.deepEqual(
      expressions.flatMap((expression) => undeclaredIn(expression, declared)),
      [],
    );
  });

  it('would be refused with a metric or a label that it does not', () => {
    const wrong = (expression: string) => undeclaredIn(expression, declared);
    assert.deepEqual(wrong('rate(millrace_engine_commit_ms_bucket{le="5"}[5m])'), []);
    assert.deepEqual(wrong('millrace_engine_commit_ms_total'), [
      'no metric is named millrace_engine_commit_ms_total',
    ]);
    assert.deepEqual(wrong('millrace_disk_free_bytes_bucket'), [
      'no metric is named millrace_disk_free_bytes_bucket',
    ]);
    assert.deepEqual(wrong('millrace_engine_tasks{task="1"}'), ['millrace_engine_tasks has no label task']);
    assert.deepEqual(wrong('sum by (state, task) (millrace_engine_tasks)'), [
      'no metric of it has the label task',
    ]);
  });

  it('have names, places and legends of their own', () => {
    for (const { panels: shown } of dashboards) {
      assert.equal(new Set(shown.map(({ title }) => title)).size, shown.length);
    }
    assert.equal(new Set(alerts.map(({ name }) => name)).size, alerts.length);
    const places = (
      JSON.parse(grafanaDashboard(dashboards[0] as (typeof dashboards)[0])) as {
        panels: { gridPos: { x: number; y: number } }[];
      }
    ).panels.map(({ gridPos: { x, y } }) => `${x} ${y}`);
    assert.equal(new Set(places).size, places.length);
  });

  it('are asked over the chosen instances', () => {
    assert.equal(
      ofInstances('sum by (task) (rate(millrace_a_total[5m])) / millrace_b{c="d"}'),
      'sum by (task) (rate(millrace_a_total{instance=~"$instance"}[5m])) / millrace_b{c="d", instance=~"$instance"}',
    );
  });

  it('have a runbook each, and each runbook an alert or a place in the list of disasters', () => {
    for (const { name, runbook } of alerts) {
      assert.ok(
        existsSync(join(root, 'docs/runbooks', `${runbook}.md`)),
        `${name}: docs/runbooks/${runbook}.md`,
      );
    }
    const list = readFileSync(join(root, 'docs/runbooks/README.md'), 'utf8');
    for (const path of runbooks) {
      const page = path.replace(/^.*\//, '');
      if (page !== 'README.md')
        assert.ok(list.includes(`(${page})`), `docs/runbooks/README.md does not name ${page}`);
    }
  });

  it('are refused or accepted by the examples of each rule', async (t) => {
    if (serversSkip !== false) return t.skip(serversSkip);
    const rules = join(root, 'deploy/observability/prometheus');
    await runToEnd('promtool', ['check', 'rules', join(rules, 'alerts.yml')]);
    await runToEnd('promtool', ['check', 'config', '--syntax-only', join(rules, 'prometheus.yml')]);
    assert.match(await runToEnd('promtool', ['test', 'rules', join(rules, 'alerts.test.yml')]), /SUCCESS/);
  });
});

it('runbooks have their parts', () => {
  for (const path of runbooks) {
    if (path.endsWith('README.md')) continue;
    const headings = Array.from(
      readFileSync(join(root, path), 'utf8').matchAll(/^## (.*)$/gm),
      ([, text]) => text,
    );
    assert.deepEqual(headings.slice(0, 3), ['Symptoms', 'First five minutes', 'Fix'], path);
  }
});
