/**
 * What the dashboards show, each panel by its expressions in PromQL. The files under deploy/observability/grafana are
 * generated from here, and `npm run check` refuses an expression over a metric or a label that the product does not declare.
 */

export type Query = {
  readonly expression: string;
  /** Legend of each series, with labels as `{{label}}`. */
  readonly legend: string;
};

export type Panel = {
  readonly title: string;
  /** What a person looks for in it. */
  readonly about: string;
  /** One of Grafana's units: `ms`, `bytes`, `percentunit`, `ops`, `short`. */
  readonly unit: string;
  readonly queries: readonly Query[];
};

export type Dashboard = {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
};

/** Over the window that Grafana chooses from its scrape interval. */
const rate = (series: string) => `rate(${series}[$__rate_interval])`;
const sumBy = (labels: string, expression: string) => `sum by (${labels}) (${expression})`;
const quantile = (q: number, metric: string, by = '') =>
  `histogram_quantile(${q}, ${sumBy(by === '' ? 'le' : `le, ${by}`, rate(`millrace_${metric}_bucket`))})`;

/** Median and the slowest in a hundred of a histogram in ms. */
const latency = (title: string, metric: string, about: string, by = ''): Panel => ({
  title,
  about,
  unit: 'ms',
  queries: [0.5, 0.99].map((q) => ({
    expression: quantile(q, metric, by),
    legend: `p${100 * q}${by === '' ? '' : ` {{${by}}}`}`,
  })),
});

/** How often something happens in a second. */
const perSecond = (title: string, metric: string, by: string, about: string): Panel => ({
  title,
  about,
  unit: 'ops',
  queries: [{ expression: sumBy(by, rate(`millrace_${metric}`)), legend: `{{${by}}}` }],
});

const gauge = (title: string, unit: string, metric: string, by: string, about: string): Panel => ({
  title,
  about,
  unit,
  queries: [{ expression: sumBy(by, `millrace_${metric}`), legend: `{{${by}}}` }],
});

const OF_VERSION = 'version, ranker, variant';
const VERSION_LEGEND = '{{version}} {{ranker}} {{variant}}';

/** A gauge of the quality of answers, which already is a number of each version, ranker and variant. */
const quality = (title: string, unit: string, metric: string, about: string): Panel => ({
  title,
  about,
  unit,
  queries: [{ expression: `max by (${OF_VERSION}) (millrace_${metric})`, legend: VERSION_LEGEND }],
});

const engine: Dashboard = {
  uid: 'millrace-engine',
  title: 'Millrace: engine',
  panels: [
    perSecond(
      'Records read',
      'engine_read_records_total',
      'topic',
      'By topic; a topic that stops is not read any more.',
    ),
    gauge(
      'Lag',
      'short',
      'engine_task_lag_records',
      'task',
      'Offsets that a task has still to take. It grows where a task stands still.',
    ),
    {
      title: 'Age of the watermark',
      about: 'How far the event time that a task has reached lies behind now.',
      unit: 's',
      queries: [
        {
          expression: 'time() - max by (task) (millrace_engine_task_watermark_ms) / 1000',
          legend: '{{task}}',
        },
      ],
    },
    latency(
      'Commits',
      'engine_commit_ms',
      'Log and stores. Above a second, look at the disks and the brokers.',
    ),
    gauge('Tasks', 'short', 'engine_tasks', 'state', 'By state; those that restore have no output yet.'),
    gauge('Left to restore', 'short', 'engine_restore_remaining_records', 'task', 'Changelog offsets.'),
    perSecond(
      'Rejected',
      'engine_rejected_records_total',
      'reason',
      'Records that went to the dead letters.',
    ),
    perSecond('Dropped', 'engine_dropped_records_total', 'reason', 'By design: late, duplicate, opted out.'),
    perSecond(
      'Work done again',
      'engine_retries_total',
      'reason',
      'Uncommitted work that was dropped and redone.',
    ),
    {
      title: 'Garbage collection',
      about: 'Share of the time that the main thread collected garbage.',
      unit: 'percentunit',
      queries: [
        { expression: sumBy('kind', rate('millrace_nodejs_gc_duration_seconds_sum')), legend: '{{kind}}' },
      ],
    },
    {
      title: 'Processor',
      about: 'Cores in use by the whole process.',
      unit: 'short',
      queries: [
        { expression: sumBy('instance', rate('millrace_process_cpu_seconds_total')), legend: '{{instance}}' },
      ],
    },
    {
      title: 'Memory',
      about: 'Resident, with the stores, the index and the model.',
      unit: 'bytes',
      queries: [
        { expression: sumBy('instance', 'millrace_process_resident_memory_bytes'), legend: '{{instance}}' },
      ],
    },
  ],
};

const features: Dashboard = {
  uid: 'millrace-features',
  title: 'Millrace: features',
  panels: [
    perSecond(
      'Rows written to Redis',
      'view_rows_written_total',
      'topic',
      'None are written where rows are kept in process.',
    ),
    perSecond(
      'Rows not found',
      'feature_missing_total',
      'view',
      'New users and items have none; a jump is a view that is not fed.',
    ),
    perSecond(
      'Read as too old',
      'feature_expired_total',
      'feature',
      'Older than the feature declares: it is read at its default.',
    ),
    gauge(
      'Views being built',
      'short',
      'view_build_running',
      'instance',
      '1 while this process builds views from the log.',
    ),
    {
      title: 'Drift of what the ranker is given',
      about: 'Population stability index: .1 is worth a look, .25 is large.',
      unit: 'short',
      queries: [
        {
          expression: 'topk(10, max by (ranker, feature) (millrace_ranker_input_psi))',
          legend: '{{ranker}} {{feature}}',
        },
      ],
    },
    perSecond(
      'Not decoded',
      'responder_undecodable_total',
      'topic',
      'Rows that a responder skipped: it is older than who writes them.',
    ),
  ],
};

const requests = sumBy('route', rate('millrace_http_request_ms_count'));
const failures = sumBy('route', rate('millrace_http_request_ms_count{status=~"5.."}'));

const serving: Dashboard = {
  uid: 'millrace-serving',
  title: 'Millrace: serving',
  panels: [
    perSecond('Requests', 'http_request_ms_count', 'route', 'By route.'),
    {
      title: 'Failed',
      about: 'Share of answers with a status of 500 and above, refusals under overload among them.',
      unit: 'percentunit',
      queries: [
        {
          expression: `(${failures} or 0 * ${requests}) / ${requests}`,
          legend: '{{route}}',
        },
      ],
    },
    latency('Answers', 'recommend_ms', 'From the turn of a request to its answer.'),
    latency('Stages', 'recommend_stage_ms', 'Where the time of an answer goes.', 'stage'),
    latency('Wait', 'recommend_wait_ms', 'Of admitted requests for their turn.'),
    gauge('Queue', 'short', 'recommend_queue', 'instance', 'Answers that wait for their turn.'),
    perSecond('Refused', 'recommend_shed_total', 'reason', 'To keep the others within the deadline.'),
    perSecond(
      'Degraded',
      'recommend_degraded_total',
      'reason',
      'Answers from less than all there should be.',
    ),
    perSecond(
      'Origin of answers',
      'recommend_answers_total',
      'origin',
      'Made, joined to an equal one, or repeated.',
    ),
    perSecond('Candidates', 'recommend_candidates_total', 'source', 'By the source that found them first.'),
    perSecond('Taken out', 'recommend_filtered_total', 'filter', 'Candidates, by the filter.'),
    {
      title: 'Event loop',
      about: 'The longest delays of the thread that answers.',
      unit: 's',
      queries: [
        {
          expression: 'max by (instance) (millrace_nodejs_eventloop_lag_p99_seconds)',
          legend: 'p99 {{instance}}',
        },
      ],
    },
  ],
};

const models: Dashboard = {
  uid: 'millrace-models',
  title: 'Millrace: models',
  panels: [
    quality(
      'Click rate',
      'percentunit',
      'answer_click_rate',
      'Clicks as a share of shown items, this hour and the previous one.',
    ),
    quality(
      'Calibration error',
      'short',
      'answer_calibration_error',
      'Chances that the ranker gave, against what came true.',
    ),
    quality('Drift of scores', 'short', 'answer_score_psi', 'Population stability index of the newest hour.'),
    quality('Coverage', 'short', 'answer_distinct_items', 'Different items in the answers.'),
    perSecond('Loads', 'version_loads_total', 'outcome', 'Versions loaded, or refused by code.'),
    {
      title: 'In service',
      about:
        'The version of each role on each replica. They differ for seconds after a promotion, not longer.',
      unit: 'short',
      queries: [{ expression: 'millrace_version_served == 1', legend: '{{instance}} {{role}} {{version}}' }],
    },
  ],
};

const logAndDisks: Dashboard = {
  uid: 'millrace-log',
  title: 'Millrace: log and disks',
  panels: [
    perSecond('Events posted', 'gateway_events_total', 'outcome', 'Accepted, or the code of the refusal.'),
    gauge(
      'Not acknowledged',
      'short',
      'gateway_unwritten_events',
      'instance',
      'Sent to the log, which has not answered yet.',
    ),
    gauge('Room on disk', 'bytes', 'disk_free_bytes', 'instance', 'On the disk of the data directory.'),
    perSecond('Archived', 'archive_rows_total', 'table', 'Records written to Parquet files.'),
    perSecond(
      'Lost to the archive',
      'archive_lost_total',
      'table',
      'Retention passed them before they were archived.',
    ),
    perSecond(
      'Cleaned',
      'log_cleaned_total',
      'what',
      'Batches and records that retention and compaction removed.',
    ),
    perSecond(
      'Answers not logged',
      'answers_dropped_total',
      'reason',
      'The backlog of the topic answers was full.',
    ),
  ],
};

export const dashboards: readonly Dashboard[] = [engine, features, serving, models, logAndDisks];
