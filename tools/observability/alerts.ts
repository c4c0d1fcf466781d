/**
 * When somebody is called, and with which runbook. The rules under deploy/observability/prometheus are generated from here, and so
 * are promtool's tests of them: each alert has series that make it fire, and series just below that do not.
 */

export type Series = {
  readonly series: string;
  /** In promtool's notation, one value a minute: `0+10x60`. */
  readonly values: string;
};

export type Alert = {
  readonly name: string;
  readonly expression: string;
  /** How long it holds before somebody is called, in Prometheus' notation. */
  readonly for: string;
  /** `page` wakes somebody, `ticket` waits for the morning. */
  readonly severity: 'page' | 'ticket';
  readonly summary: string;
  /** A page of docs/runbooks. */
  readonly runbook: string;
  readonly example: {
    readonly fires: readonly Series[];
    readonly stays: readonly Series[];
    /** When both are looked at. */
    readonly at: string;
    /** Labels of the firing alert, without its severity. */
    readonly labels: Readonly<Record<string, string>>;
  };
};

const on = { instance: 'a', job: 'millrace' };
const OF_A = 'instance="a", job="millrace"';

const processes: readonly Alert[] = [
  {
    name: 'MillraceDown',
    expression: 'up{job="millrace"} == 0',
    for: '2m',
    severity: 'page',
    summary: 'A process of Millrace does not answer.',
    runbook: 'process-down',
    example: {
      fires: [{ series: `up{${OF_A}}`, values: '0x10' }],
      stays: [{ series: `up{${OF_A}}`, values: '1x10' }],
      at: '5m',
      labels: on,
    },
  },
  {
    name: 'MillraceTaskStands',
    expression:
      'millrace_engine_task_lag_records > 0 and changes(millrace_engine_task_watermark_ms[10m]) == 0',
    for: '5m',
    severity: 'page',
    summary: 'A task has records to take and makes no progress.',
    runbook: 'stuck-consumer',
    example: {
      fires: [
        { series: `millrace_engine_task_lag_records{task="loop-0", ${OF_A}}`, values: '5x30' },
        { series: `millrace_engine_task_watermark_ms{task="loop-0", ${OF_A}}`, values: '1000x30' },
      ],
      stays: [
        { series: `millrace_engine_task_lag_records{task="loop-0", ${OF_A}}`, values: '5x30' },
        { series: `millrace_engine_task_watermark_ms{task="loop-0", ${OF_A}}`, values: '1000+60000x30' },
      ],
      at: '20m',
      labels: { ...on, task: 'loop-0' },
    },
  },
  {
    name: 'MillraceLagGrows',
    expression:
      'sum by (instance) (millrace_engine_task_lag_records) > 10000 and sum by (instance) (deriv(millrace_engine_task_lag_records[15m])) > 0',
    for: '15m',
    severity: 'ticket',
    summary: 'Events come faster than they are processed.',
    runbook: 'stuck-consumer',
    example: {
      fires: [{ series: `millrace_engine_task_lag_records{task="loop-0", ${OF_A}}`, values: '10000+100x60' }],
      stays: [{ series: `millrace_engine_task_lag_records{task="loop-0", ${OF_A}}`, values: '20000-100x60' }],
      at: '40m',
      labels: { instance: 'a' },
    },
  },
  {
    name: 'MillraceRecordsRejected',
    expression: 'sum by (operator, reason) (increase(millrace_engine_rejected_records_total[10m])) > 0',
    for: '0m',
    severity: 'ticket',
    summary: 'Records could not be processed and went to the dead letters.',
    runbook: 'poison-events',
    example: {
      fires: [
        {
          series: `millrace_engine_rejected_records_total{operator="admission", reason="MR_AVRO_DECODE", ${OF_A}}`,
          values: '0 0 0 3x20',
        },
      ],
      stays: [
        {
          series: `millrace_engine_rejected_records_total{operator="admission", reason="MR_AVRO_DECODE", ${OF_A}}`,
          values: '7x20',
        },
      ],
      at: '5m',
      labels: { operator: 'admission', reason: 'MR_AVRO_DECODE' },
    },
  },
  {
    name: 'MillraceCommitsSlow',
    expression:
      'histogram_quantile(0.99, sum by (instance, le) (rate(millrace_engine_commit_ms_bucket[10m]))) > 2500',
    for: '10m',
    severity: 'ticket',
    summary: 'One commit in a hundred takes over 2.5 seconds: the disk or the brokers are slow.',
    runbook: 'log-slow',
    example: {
      fires: [
        { series: `millrace_engine_commit_ms_bucket{le="2500", ${OF_A}}`, values: '0+0x60' },
        { series: `millrace_engine_commit_ms_bucket{le="5000", ${OF_A}}`, values: '0+60x60' },
        { series: `millrace_engine_commit_ms_bucket{le="+Inf", ${OF_A}}`, values: '0+60x60' },
      ],
      stays: [
        { series: `millrace_engine_commit_ms_bucket{le="2500", ${OF_A}}`, values: '0+60x60' },
        { series: `millrace_engine_commit_ms_bucket{le="5000", ${OF_A}}`, values: '0+60x60' },
        { series: `millrace_engine_commit_ms_bucket{le="+Inf", ${OF_A}}`, values: '0+60x60' },
      ],
      at: '30m',
      labels: { instance: 'a' },
    },
  },
  {
    name: 'MillraceWorkRedone',
    expression: 'sum by (instance, reason) (increase(millrace_engine_retries_total[10m])) > 5',
    for: '10m',
    severity: 'ticket',
    summary: 'Uncommitted work is dropped and redone again and again.',
    runbook: 'broker-lost',
    example: {
      fires: [
        { series: `millrace_engine_retries_total{reason="MR_LOG_UNAVAILABLE", ${OF_A}}`, values: '0+1x60' },
      ],
      stays: [
        { series: `millrace_engine_retries_total{reason="MR_LOG_UNAVAILABLE", ${OF_A}}`, values: '3x60' },
      ],
      at: '40m',
      labels: { instance: 'a', reason: 'MR_LOG_UNAVAILABLE' },
    },
  },
  {
    name: 'MillraceClockAhead',
    expression: 'millrace_engine_task_watermark_ms / 1000 > time() + 300',
    for: '5m',
    severity: 'ticket',
    summary: 'A task has seen event times over five minutes ahead of now: a clock is wrong.',
    runbook: 'clock-skew',
    example: {
      fires: [{ series: `millrace_engine_task_watermark_ms{task="loop-0", ${OF_A}}`, values: '3600000x30' }],
      stays: [{ series: `millrace_engine_task_watermark_ms{task="loop-0", ${OF_A}}`, values: '0+60000x30' }],
      at: '20m',
      labels: { ...on, task: 'loop-0' },
    },
  },
];

const certificates: readonly Alert[] = [
  {
    name: 'MillraceCertificateExpires',
    expression: 'millrace_http_certificate_expires_seconds - time() < 14 * 86400',
    for: '10m',
    severity: 'ticket',
    summary: 'The certificate of the HTTP server expires within two weeks.',
    runbook: 'certificate-expires',
    example: {
      // Prometheus' tests begin at the epoch.
      fires: [{ series: `millrace_http_certificate_expires_seconds{${OF_A}}`, values: '1200000x60' }],
      stays: [{ series: `millrace_http_certificate_expires_seconds{${OF_A}}`, values: '1300000x60' }],
      at: '40m',
      labels: on,
    },
  },
];

const disks: readonly Alert[] = [
  {
    name: 'MillraceDiskFillsSoon',
    expression:
      'predict_linear(millrace_disk_free_bytes[1h], 4 * 3600) < 0 or millrace_disk_free_bytes < 2e9',
    for: '10m',
    severity: 'page',
    summary: 'The disk of the data directory is full within four hours, or has under 2 GB left.',
    runbook: 'disk-full',
    example: {
      fires: [{ series: `millrace_disk_free_bytes{${OF_A}}`, values: '100000000000-1000000000x60' }],
      stays: [{ series: `millrace_disk_free_bytes{${OF_A}}`, values: '100000000000-1000000x60' }],
      at: '40m',
      labels: on,
    },
  },
  {
    name: 'MillraceBackupStands',
    expression: 'time() - millrace_backup_shipped_ms / 1000 > 600',
    for: '2m',
    severity: 'page',
    summary: 'What was acknowledged in the last ten minutes is in no backup.',
    runbook: 'backup-stands',
    example: {
      fires: [{ series: `millrace_backup_shipped_ms{${OF_A}}`, values: '0x60' }],
      stays: [{ series: `millrace_backup_shipped_ms{${OF_A}}`, values: '0+60000x60' }],
      at: '20m',
      labels: on,
    },
  },
  {
    name: 'MillraceJobFails',
    expression: 'max by (instance, name) (millrace_job_failing) > 0',
    for: '0m',
    severity: 'ticket',
    summary: 'The last run of a job failed.',
    runbook: 'job-fails',
    example: {
      fires: [{ series: `millrace_job_failing{name="backup", ${OF_A}}`, values: '0 0 1x10' }],
      stays: [{ series: `millrace_job_failing{name="backup", ${OF_A}}`, values: '0x10' }],
      at: '5m',
      labels: { instance: 'a', name: 'backup' },
    },
  },
  {
    name: 'MillraceNotificationsFail',
    expression: 'sum by (instance) (increase(millrace_notifications_total{outcome!="delivered"}[15m])) > 0',
    for: '10m',
    severity: 'ticket',
    summary: 'Notifications of versions and jobs are not delivered.',
    runbook: 'notifications-fail',
    example: {
      fires: [{ series: `millrace_notifications_total{outcome="failed", ${OF_A}}`, values: '0+1x30' }],
      stays: [{ series: `millrace_notifications_total{outcome="delivered", ${OF_A}}`, values: '0+1x30' }],
      at: '25m',
      labels: { instance: 'a' },
    },
  },
  {
    name: 'MillraceStateDiffers',
    expression: 'max by (instance, what) (millrace_verify_different) > 0',
    for: '0m',
    severity: 'page',
    summary: 'A verification found something that is not what it is derived from.',
    runbook: 'state-corrupted',
    example: {
      fires: [{ series: `millrace_verify_different{what="interactions-0", ${OF_A}}`, values: '0 0 1x10' }],
      stays: [{ series: `millrace_verify_different{what="interactions-0", ${OF_A}}`, values: '0x10' }],
      at: '5m',
      labels: { instance: 'a', what: 'interactions-0' },
    },
  },
  {
    name: 'MillraceArchiveLoses',
    expression: 'sum by (table, reason) (increase(millrace_archive_lost_total[1h])) > 0',
    for: '0m',
    severity: 'ticket',
    summary: 'Records were not archived before retention removed them.',
    runbook: 'archive-lost',
    example: {
      fires: [
        {
          series: `millrace_archive_lost_total{table="events", reason="retention", ${OF_A}}`,
          values: '0 0 4x60',
        },
      ],
      stays: [
        {
          series: `millrace_archive_lost_total{table="events", reason="retention", ${OF_A}}`,
          values: '4x60',
        },
      ],
      at: '10m',
      labels: { table: 'events', reason: 'retention' },
    },
  },
  {
    name: 'MillraceEventsRefused',
    expression:
      'sum by (instance) (rate(millrace_gateway_events_total{outcome!="accepted"}[10m])) / sum by (instance) (rate(millrace_gateway_events_total[10m])) > 0.05',
    for: '10m',
    severity: 'page',
    summary: 'Over 5% of the events posted are refused.',
    runbook: 'events-refused',
    example: {
      fires: [
        { series: `millrace_gateway_events_total{outcome="accepted", ${OF_A}}`, values: '0+90x60' },
        {
          series: `millrace_gateway_events_total{outcome="MR_GATEWAY_DISK_FULL", ${OF_A}}`,
          values: '0+10x60',
        },
      ],
      stays: [
        { series: `millrace_gateway_events_total{outcome="accepted", ${OF_A}}`, values: '0+99x60' },
        {
          series: `millrace_gateway_events_total{outcome="MR_GATEWAY_DISK_FULL", ${OF_A}}`,
          values: '0+1x60',
        },
      ],
      at: '30m',
      labels: { instance: 'a' },
    },
  },
];

const serving: readonly Alert[] = [
  {
    name: 'MillraceAnswersDegraded',
    expression:
      'sum by (instance) (rate(millrace_recommend_degraded_total[10m])) / sum by (instance) (rate(millrace_recommend_ms_count[10m])) > 0.05',
    for: '10m',
    severity: 'ticket',
    summary: 'Over 5% of the answers were made from less than all there should be.',
    runbook: 'degraded-answers',
    example: {
      fires: [
        { series: `millrace_recommend_degraded_total{reason="MR_RANKER_LATE", ${OF_A}}`, values: '0+10x60' },
        { series: `millrace_recommend_ms_count{${OF_A}}`, values: '0+100x60' },
      ],
      stays: [
        { series: `millrace_recommend_degraded_total{reason="MR_RANKER_LATE", ${OF_A}}`, values: '0+1x60' },
        { series: `millrace_recommend_ms_count{${OF_A}}`, values: '0+100x60' },
      ],
      at: '30m',
      labels: { instance: 'a' },
    },
  },
  {
    name: 'MillraceAnswersNotLogged',
    expression: 'sum by (instance, reason) (increase(millrace_answers_dropped_total[10m])) > 0',
    for: '0m',
    severity: 'ticket',
    summary: 'Answers were not logged: what came of them is unknown.',
    runbook: 'log-slow',
    example: {
      fires: [{ series: `millrace_answers_dropped_total{reason="backlog", ${OF_A}}`, values: '0 0 9x20' }],
      stays: [{ series: `millrace_answers_dropped_total{reason="backlog", ${OF_A}}`, values: '9x20' }],
      at: '5m',
      labels: { instance: 'a', reason: 'backlog' },
    },
  },
];

const models: readonly Alert[] = [
  {
    name: 'MillraceVersionRefused',
    expression:
      'sum by (instance, outcome) (increase(millrace_version_loads_total{outcome!="loaded"}[15m])) > 0',
    for: '0m',
    severity: 'ticket',
    summary: 'A promoted version could not be loaded; the one before goes on.',
    runbook: 'bad-model',
    example: {
      fires: [
        { series: `millrace_version_loads_total{outcome="MR_VERSION_CORRUPT", ${OF_A}}`, values: '0 0 1x20' },
      ],
      stays: [{ series: `millrace_version_loads_total{outcome="loaded", ${OF_A}}`, values: '0 0 1x20' }],
      at: '5m',
      labels: { instance: 'a', outcome: 'MR_VERSION_CORRUPT' },
    },
  },
  {
    name: 'MillraceChancesWrong',
    expression: 'max by (version, ranker, variant) (millrace_answer_calibration_error) > 0.1',
    for: '2h',
    severity: 'ticket',
    summary: 'The chances that a ranker gives are off by more than a tenth.',
    runbook: 'bad-model',
    example: {
      fires: [
        {
          series: `millrace_answer_calibration_error{version="v", ranker="r", variant="", ${OF_A}}`,
          values: '0.2x200',
        },
      ],
      stays: [
        {
          series: `millrace_answer_calibration_error{version="v", ranker="r", variant="", ${OF_A}}`,
          values: '0.05x200',
        },
      ],
      at: '180m',
      labels: { version: 'v', ranker: 'r' },
    },
  },
  {
    name: 'MillraceInputsDrift',
    expression: 'max by (ranker, feature) (millrace_ranker_input_psi) > 0.25',
    for: '1h',
    severity: 'ticket',
    summary: 'What the ranker is given differs much from what it learned from.',
    runbook: 'feature-drift',
    example: {
      fires: [
        {
          series: `millrace_ranker_input_psi{ranker="r", feature="f", reference="snapshot", ${OF_A}}`,
          values: '0.5x120',
        },
      ],
      stays: [
        {
          series: `millrace_ranker_input_psi{ranker="r", feature="f", reference="snapshot", ${OF_A}}`,
          values: '0.1x120',
        },
      ],
      at: '90m',
      labels: { ranker: 'r', feature: 'f' },
    },
  },
];

/** What was promised, and how its budget of failures burns. */
type Objective = {
  readonly name: string;
  /** Share of requests that may miss it. */
  readonly budget: number;
  /** Share that misses it over a window. */
  readonly missed: (window: string) => string;
  readonly summary: string;
  readonly runbook: string;
  readonly misses: readonly Series[];
  readonly keeps: readonly Series[];
};

const answersPerWindow = (labels: string, window: string) =>
  `sum(rate(millrace_http_request_ms_count{route=~"/recommend.*"${labels}}[${window}]))`;

const objectives: readonly Objective[] = [
  {
    name: 'Availability',
    budget: 0.001,
    missed: (window) => `${answersPerWindow(', status=~"5.."', window)} / ${answersPerWindow('', window)}`,
    summary: 'Recommendations fail faster than one in a thousand allows.',
    runbook: 'answers-fail',
    misses: [
      {
        series: `millrace_http_request_ms_count{route="/recommend/:user", status="503", ${OF_A}}`,
        values: '0+5x600',
      },
      {
        series: `millrace_http_request_ms_count{route="/recommend/:user", status="200", ${OF_A}}`,
        values: '0+95x600',
      },
    ],
    keeps: [
      {
        series: `millrace_http_request_ms_count{route="/recommend/:user", status="503", ${OF_A}}`,
        values: '0x600',
      },
      {
        series: `millrace_http_request_ms_count{route="/recommend/:user", status="200", ${OF_A}}`,
        values: '0+100x600',
      },
    ],
  },
  {
    name: 'Latency',
    budget: 0.01,
    missed: (window) =>
      `1 - sum(rate(millrace_recommend_ms_bucket{le="100"}[${window}])) / sum(rate(millrace_recommend_ms_count[${window}]))`,
    summary: 'More than one answer in a hundred takes over 100 ms.',
    runbook: 'answers-slow',
    misses: [
      { series: `millrace_recommend_ms_bucket{le="100", ${OF_A}}`, values: '0+50x600' },
      { series: `millrace_recommend_ms_count{${OF_A}}`, values: '0+100x600' },
    ],
    keeps: [
      { series: `millrace_recommend_ms_bucket{le="100", ${OF_A}}`, values: '0+100x600' },
      { series: `millrace_recommend_ms_count{${OF_A}}`, values: '0+100x600' },
    ],
  },
];

/**
 * Windows and burn rates of the Site Reliability Workbook, chapter 5: 2% of a month's budget within an hour, 5% within six
 * hours, 10% within three days. The short window lets an alert end soon after its cause.
 */
const burns = [
  { burn: 14.4, long: '1h', short: '5m', severity: 'page', name: 'Fast' },
  { burn: 6, long: '6h', short: '30m', severity: 'page', name: 'Steady' },
  { burn: 1, long: '3d', short: '6h', severity: 'ticket', name: 'Slow' },
] as const;

const slos: readonly Alert[] = objectives.flatMap((objective) =>
  burns.map(({ burn, long, short, severity, name }) => {
    const limit = Number((burn * objective.budget).toFixed(6));
    return {
      name: `Millrace${objective.name}Burns${name}`,
      expression: `(${objective.missed(long)}) > ${limit} and (${objective.missed(short)}) > ${limit}`,
      for: '2m',
      severity,
      summary: objective.summary,
      runbook: objective.runbook,
      example: { fires: objective.misses, stays: objective.keeps, at: '400m', labels: {} },
    };
  }),
);

export const alerts: readonly Alert[] = [
  ...processes,
  ...certificates,
  ...disks,
  ...serving,
  ...models,
  ...slos,
];
