import { stringify } from 'yaml';
import type { Alert, Series } from './alerts.ts';

/** Where a person finds the runbooks; the base of the links in alerts. */
const RUNBOOKS = 'docs/runbooks';

const annotations = ({ summary, runbook }: Alert) => ({ summary, runbook: `${RUNBOOKS}/${runbook}.md` });

/** The rules file of Prometheus. */
export function ruleFile(alerts: readonly Alert[]): string {
  const rules = alerts.map((alert) => ({
    alert: alert.name,
    expr: alert.expression,
    for: alert.for,
    labels: { severity: alert.severity },
    annotations: annotations(alert),
  }));
  return stringify({ groups: [{ name: 'millrace', rules }] }, { lineWidth: 0 });
}

/** Tests for `promtool test rules`: each alert fires by its example, and by the other it does not. */
export function ruleTests(alerts: readonly Alert[]): string {
  const test = (alert: Alert, series: readonly Series[], expected: readonly object[]) => ({
    interval: '1m',
    input_series: series,
    alert_rule_test: [{ eval_time: alert.example.at, alertname: alert.name, exp_alerts: expected }],
  });
  const tests = alerts.flatMap((alert) => {
    const { fires, stays, labels } = alert.example;
    const firing = {
      exp_labels: { ...labels, severity: alert.severity },
      exp_annotations: annotations(alert),
    };
    return [test(alert, fires, [firing]), test(alert, stays, [])];
  });
  return stringify({ rule_files: ['alerts.yml'], evaluation_interval: '1m', tests }, { lineWidth: 0 });
}
