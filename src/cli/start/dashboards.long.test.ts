/** Every expression of every dashboard, and of every alert, by a real Prometheus over a live process. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { parse } from 'yaml';
import { systemClock } from '#platform';
import { ownPrometheus } from '#servers';
import { commandLine, smallWorld } from '../testing/command-line.ts';

/** What shows nothing as long as nothing is wrong, restored, built or old, and no ranker has answered. */
const QUIET: ReadonlySet<string> = new Set([
  'Left to restore',
  'Rejected',
  'Dropped',
  'Work done again',
  'Rows written to Redis',
  'Views being built',
  'Drift of what the ranker is given',
  'Not decoded',
  'Refused',
  'Degraded',
  'Taken out',
  'Calibration error',
  'Drift of scores',
  'Lost to the archive',
  'Cleaned',
  'Answers not logged',
]);
const WITHIN_MS = 60_000;

const observability = join(import.meta.dirname, '../../../deploy/observability');
const read = (path: string) => readFileSync(join(observability, path), 'utf8');
type Dashboard = { readonly panels: readonly { title: string; targets: readonly { expr: string }[] }[] };
const dashboards = globSync('grafana/*.json', { cwd: observability }).map(
  (path) => JSON.parse(read(path)) as Dashboard,
);
const panels = dashboards.flatMap((dashboard) =>
  dashboard.panels.map(({ title, targets }) => ({
    title,
    expressions: targets.map(({ expr }) =>
      expr.replaceAll('$__rate_interval', '30s').replaceAll('$instance', '.*'),
    ),
  })),
);
const alerts = (
  parse(read('prometheus/alerts.yml')) as { groups: readonly { rules: readonly { expr: string }[] }[] }
).groups.flatMap(({ rules }) => rules);

it('panels have data of a live process', { timeout: 600_000 }, async (t) => {
  const start = commandLine(t, smallWorld).begin(['start', '--json']);
  const [, url = ''] = await start.until(/"url":"(http[^"]*)"/);
  const prometheus = await ownPrometheus(t, url);
  if (prometheus === undefined) return;
  const use = async (n: number) => {
    const event = { event_id: 'the same', user_id: 'u1', item_id: 'i1', kind: 'view' };
    const headers = { 'content-type': 'application/json' };
    await fetch(`${url}/events`, { method: 'POST', headers, body: JSON.stringify(event) });
    for (const user of ['u1', `nobody-${n}`]) await fetch(`${url}/recommend/${user}?k=5`);
    await fetch(`${url}/features/user/nobody-${n}`);
  };
  const isEmpty = async (expression: string) => (await prometheus.query(expression)).length === 0;
  const areEmpty = async ({ expressions }: (typeof panels)[0]) =>
    (await Promise.all(expressions.map(isEmpty))).some((empty) => empty);

  let left = panels.filter(({ title }) => !QUIET.has(title));
  const until = systemClock.monotonic() + WITHIN_MS;
  for (let n = 0; left.length > 0 && systemClock.monotonic() < until; n += 1) {
    await use(n);
    await setTimeout(500);
    const empty = await Promise.all(left.map(areEmpty));
    left = left.filter((_, i) => empty[i]);
  }
  assert.deepEqual(
    left.map(({ title }) => title),
    [],
  );
  // These are evaluated all the same: an error is thrown.
  for (const { title, expressions } of panels)
    if (QUIET.has(title)) await Promise.all(expressions.map(isEmpty));
  for (const { expr } of alerts) await prometheus.query(expr);
  assert.equal((await start.signal('SIGTERM')).code, 0);
});
