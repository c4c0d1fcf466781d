import type { Dashboard, Panel } from './dashboards.ts';

const COLUMNS = 24;
const WIDTH = 12;
const HEIGHT = 8;
/** Every dashboard asks which of the data sources it shall use. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana fills it in.
const datasource = { type: 'prometheus', uid: '${datasource}' };

/** A dashboard in the form that Grafana 10 and later provision from a file. */
export function grafanaDashboard({ uid, title, panels }: Dashboard): string {
  const described = {
    uid,
    title,
    tags: ['millrace'],
    schemaVersion: 39,
    timezone: 'browser',
    refresh: '10s',
    time: { from: 'now-1h', to: 'now' },
    templating: {
      list: [
        { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
        {
          name: 'instance',
          label: 'Instance',
          type: 'query',
          datasource,
          query: { query: 'label_values(millrace_process_cpu_seconds_total, instance)', refId: 'instances' },
          includeAll: true,
          allValue: '.*',
          multi: true,
          current: { text: 'All', value: '$__all' },
          refresh: 2,
        },
      ],
    },
    panels: panels.map(grafanaPanel),
  };
  return `${JSON.stringify(described, null, 2)}\n`;
}

function grafanaPanel({ title, about, unit, queries }: Panel, i: number): object {
  const perRow = COLUMNS / WIDTH;
  return {
    id: i + 1,
    type: 'timeseries',
    title,
    description: about,
    datasource,
    gridPos: { x: WIDTH * (i % perRow), y: HEIGHT * Math.floor(i / perRow), w: WIDTH, h: HEIGHT },
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    options: { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi' } },
    targets: queries.map(({ expression, legend }, at) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + at),
      datasource,
      expr: ofInstances(expression),
      legendFormat: legend,
    })),
  };
}

/** The expression over the instances that are chosen above the panels. */
export function ofInstances(expression: string): string {
  return expression.replace(
    /\b(millrace_\w+)(?:\{([^}]*)\})?/g,
    (_, name: string, labels?: string) =>
      `${name}{${[...(labels === undefined ? [] : [labels]), 'instance=~"$instance"'].join(', ')}}`,
  );
}
