/** What PromQL expressions name of the product. */
import type { DeclaredMetric } from '../generate/metrics-page.ts';

/** Suffixes of a histogram's series. */
const OF_HISTOGRAM = /_(bucket|sum|count)$/;
/** Labels that Prometheus adds, and that of histograms. */
const OF_PROMETHEUS: ReadonlySet<string> = new Set(['instance', 'job', 'le']);

/** What is wrong with an expression, a line each; none where every metric and label in it is declared. */
export function undeclaredIn(
  expression: string,
  declared: ReadonlyMap<string, DeclaredMetric>,
): readonly string[] {
  const labelsOfAll = new Set<string>();
  const wrong: string[] = [];
  for (const [, name = '', selector = ''] of expression.matchAll(/\b(millrace_\w+)(?:\{([^}]*)\})?/g)) {
    const metric = declared.get(name) ?? histogramOf(name, declared);
    if (metric === undefined) wrong.push(`no metric is named ${name}`);
    for (const label of metric?.labels ?? []) labelsOfAll.add(label);
    for (const [, label = ''] of selector.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)) {
      if (!OF_PROMETHEUS.has(label) && !metric?.labels.includes(label))
        wrong.push(`${name} has no label ${label}`);
    }
  }
  for (const [, grouped = ''] of expression.matchAll(/\bby \(([^)]*)\)/g)) {
    for (const label of grouped.split(/,\s*/)) {
      if (!OF_PROMETHEUS.has(label) && !labelsOfAll.has(label))
        wrong.push(`no metric of it has the label ${label}`);
    }
  }
  return wrong;
}

function histogramOf(
  name: string,
  declared: ReadonlyMap<string, DeclaredMetric>,
): DeclaredMetric | undefined {
  const metric = declared.get(name.replace(OF_HISTOGRAM, ''));
  return metric?.kind === 'histogram' && OF_HISTOGRAM.test(name) ? metric : undefined;
}
