import { type Interval, sizeText, type TrainingHistory } from '#models';
import type { Snapshot } from '#schemas';
import type { CardTable, Judgements, Lesson } from './lesson.ts';

/** What a card is made of. Nothing in it depends on when or where the version was made. */
export type CardContents = {
  readonly model: string;
  readonly dimension: number;
  readonly itemCount: number;
  readonly sizes?: Readonly<Record<string, number>>;
  readonly seed: number;
  readonly config: Readonly<Record<string, unknown>>;
  readonly snapshot: Snapshot;
  /** The version that it began with. */
  readonly base: string | null;
  readonly lesson: Pick<Lesson, 'card' | 'textEncoder'>;
  readonly judgements: Judgements;
  readonly history: TrainingHistory;
};

/**
 * The model card of a version (Mitchell et al. 2019), Markdown: what it is, what it was trained on, how good it is beside
 * the baselines and by segment, and where it comes from.
 */
export function modelCard(contents: CardContents): string {
  const { model, dimension, itemCount, sizes, seed, config, snapshot } = contents;
  const { base, lesson, judgements, history } = contents;
  const size = sizeText({ items: itemCount, dimension, sizes: { ...sizes } });
  const { textEncoder: _, ...learning } = config;
  const settings = Object.entries(learning)
    .map(([name, value]) => `${name} = ${JSON.stringify(value)}`)
    .sort();
  const sections = [
    [`# ${model}${size === '' ? '' : `: ${size}`}`],
    ['## Use', '', ...lesson.card.use],
    [
      '## Data',
      '',
      `- snapshot \`${snapshot.snapshot_id}\`: examples before ${timeOf(snapshot.watermark)}, ${snapshot.excluded_users} users left out`,
      ...lesson.card.data.map((line) => `- ${line}`),
      ...snapshot.suspect.map((reason) => `- suspect, and trained on nevertheless: ${reason}`),
    ],
    ['## Metrics', '', ...metricLines(judgements)],
    ...judgements.tables.map(({ heading, ...contents }) => [`## ${heading}`, '', ...tableLines(contents)]),
    [
      '## Lineage',
      '',
      `- seed ${seed}; ${settings.length === 0 ? 'the defaults' : settings.join(', ')}`,
      `- ${base === null ? 'trained from scratch' : `began with the weights of version \`${base}\``}, ${epochsOf(history)}`,
      ...(lesson.textEncoder ?? []).map(
        ({ name, sha256 }) => `- titles read by \`${name}\`, SHA-256 ${sha256}`,
      ),
      ...snapshot.views.map(({ name, version, declaration }) => {
        return `- view ${name} ${version}${declaration === '' ? '' : ` (${declaration.slice(0, 12)})`}`;
      }),
    ],
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function metricLines({ model, popularity, decayedPopularity, intervals }: Judgements): string[] {
  const rows = Object.entries(model.metrics).map(([name, value]) => [
    name,
    figure(value),
    interval(intervals[name]),
    figure(popularity.metrics[name]),
    figure(decayedPopularity.metrics[name]),
  ]);
  return table(['metric', 'value', '95% interval', 'popularity', 'decayed popularity'], rows);
}

function tableLines({ titles, rows }: Omit<CardTable, 'heading'>): string[] {
  return table(
    titles,
    rows.map((cells) => cells.map((cell) => (typeof cell === 'string' ? cell : figure(cell)))),
  );
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(titles), `|${titles.map(() => '---').join('|')}|`, ...rows.map(line)];
}

function epochsOf({ epochs, chosenEpoch, stoppedEarly }: TrainingHistory): string {
  const why = stoppedEarly ? ', stopped early' : '';
  return `${epochs.length} epochs${chosenEpoch < epochs.length ? `, of which epoch ${chosenEpoch} was taken` : ''}${why}`;
}

const figure = (value: number | undefined) => (value === undefined ? '' : value.toFixed(4));
const interval = (of: Interval | undefined) =>
  of === undefined ? '' : `${figure(of.low)} to ${figure(of.high)}`;
const timeOf = (ms: number) => (Number.isFinite(ms) ? new Date(ms).toISOString() : 'the end');
