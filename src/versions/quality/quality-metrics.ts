import type { Gauge, Metrics } from '#platform';
import type { RankerInput } from './inputs.ts';
import type { QualityReport } from './report.ts';

const GROUP = ['version', 'ranker', 'variant'] as const;
type Group = (typeof GROUP)[number];

/** The quality of recent answers as metrics. A label is empty where an answer has none of it. */
export class QualityMetrics {
  readonly #items: Gauge<Group | 'source' | 'outcome'>;
  readonly #clickRate: Gauge<Group | 'source'>;
  readonly #distinct: Gauge<Group>;
  readonly #scores: Gauge<Group | 'quantile'>;
  readonly #scoreDrift: Gauge<Group>;
  readonly #calibrationError: Gauge<Group>;
  readonly #chance: Gauge<Group | 'of'>;
  readonly #inputDrift: Gauge<'ranker' | 'feature' | 'reference'>;

  constructor(metrics: Metrics) {
    const recent = 'of this hour and the one before';
    this.#items = metrics.gauge('answer_items', `Items in answers ${recent}, by what came of them.`, [
      ...GROUP,
      'source',
      'outcome',
    ]);
    this.#clickRate = metrics.gauge('answer_click_rate', `Share of shown items clicked, ${recent}.`, [
      ...GROUP,
      'source',
    ]);
    this.#distinct = metrics.gauge(
      'answer_distinct_items',
      `Different items in answers ${recent}, about: coverage.`,
      GROUP,
    );
    this.#scores = metrics.gauge('answer_score', `Quantiles of the scores that models gave, ${recent}.`, [
      ...GROUP,
      'quantile',
    ]);
    this.#scoreDrift = metrics.gauge(
      'answer_score_psi',
      'Population stability index of the scores of the newest hour against the first.',
      GROUP,
    );
    this.#calibrationError = metrics.gauge(
      'answer_calibration_error',
      `Expected calibration error of the chances of shown items, ${recent}.`,
      GROUP,
    );
    this.#chance = metrics.gauge(
      'answer_chance',
      `Mean chance of shown items, predicted and come true, ${recent}.`,
      [...GROUP, 'of'],
    );
    this.#inputDrift = metrics.gauge(
      'ranker_input_psi',
      'Population stability index of what the ranker was given in the newest hour.',
      ['ranker', 'feature', 'reference'],
    );
  }

  show({ answers }: QualityReport, ranker: string | undefined, inputs: readonly RankerInput[]): void {
    // What is no longer answered by has no value.
    const gauges = [this.#items, this.#clickRate, this.#distinct, this.#scores, this.#scoreDrift];
    for (const gauge of [...gauges, this.#calibrationError, this.#chance, this.#inputDrift]) gauge.reset();
    for (const each of answers) {
      const group = { version: each.version ?? '', ranker: each.ranker ?? '', variant: each.variant ?? '' };
      for (const { source, click_rate, answered, shown, clicked, positive } of each.sources) {
        for (const [outcome, count] of Object.entries({ answered, shown, clicked, positive }))
          this.#items.set({ ...group, source, outcome }, count);
        if (click_rate !== null) this.#clickRate.set({ ...group, source }, click_rate);
      }
      this.#distinct.set(group, each.distinct_items);
      const { p10, p50, p90, drift } = each.scores;
      for (const [quantile, score] of Object.entries({ '0.1': p10, '0.5': p50, '0.9': p90 }))
        if (score !== null) this.#scores.set({ ...group, quantile }, score);
      if (drift !== null) this.#scoreDrift.set(group, drift.psi);
      if (each.calibration === null) continue;
      this.#calibrationError.set(group, each.calibration.error);
      this.#chance.set({ ...group, of: 'predicted' }, each.calibration.expected);
      this.#chance.set({ ...group, of: 'taken' }, each.calibration.taken);
    }
    for (const { feature, drift } of inputs) {
      if (ranker === undefined || drift === null) continue;
      this.#inputDrift.set({ ranker, feature, reference: drift.reference }, drift.psi);
    }
  }
}
