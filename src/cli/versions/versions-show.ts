/** `millrace versions show VERSION`: its life, what the gates found, its index, and its card. */

import { Command } from 'commander';
import { currentRecords } from '#engine';
import { artifactsIn, type IndexCalibration, sizeText, VERSIONS_DIRECTORY } from '#models';
import { readRegistry } from '#offline';
import { errorCode } from '#platform';
import { isInForce } from '#processors';
import type { GateResult, IndexBuild, Version } from '#schemas';
import { type Installation, withInstallation } from '#service';
import type { DataFiles } from '#storage';
import { type AnswerQuality, QualityRows, qualityReport, versionNamed } from '#versions';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import { figure, grouped, moment, type Output, right } from '../output.ts';

const CARD = 'card.md';
const HOURS = 24;

export function showVersionCommand(): Command {
  return defineCommand({
    command: new Command('show')
      .description('Show the history of a version, what the gates found, and its card.')
      .argument('<version>', 'version, or the first characters of it'),
    examples: [
      ['millrace versions show 46e490558d92', 'for a person'],
      ['millrace versions show 46e4 --json', 'its history as events'],
    ],
    run: (invocation, [name = '']) => show(invocation, name),
  });
}

async function show({ configuration, output }: Invocation<object>, name: string): Promise<number> {
  return withInstallation(configuration, async ({ log, topics, files }) => {
    const registry = await readRegistry({ log, topics });
    const found = versionNamed(registry, name);
    const { card, index } = await filesOf({ dataDirectory: configuration.data, files }, found.version);
    const built = (await currentRecords(log, topics.indexes, 'by-newest')).get(found.version)?.value ?? null;
    const serving = isInForce(registry, found);
    const answers = await answersOf(found.version, { log, topics });
    if (output.json) {
      const { version, latest, steps } = found;
      const life = steps.map(({ candidate: _, ...step }) => step);
      const { candidate } = latest;
      const { status } = latest;
      output.value({ version, status, serving, candidate, life, card, index, built, answers });
    } else {
      print(output, { latest: found.latest, steps: found.steps, serving, card, index, built });
      for (const each of answers) output.line(`\n${answeredText(each)}`);
    }
    return EXIT.done;
  });
}

/** Null what the version has none of; files that are gone or damaged are said to be so, in place of the card. */
async function filesOf(
  data: DataFiles,
  version: string,
): Promise<{ readonly card: string | null; readonly index: IndexCalibration | null }> {
  try {
    const files = await artifactsIn(data, VERSIONS_DIRECTORY).open(version);
    const card = files.names.includes(CARD) ? files.read(CARD).toString() : null;
    return { card, index: files.manifest.index ?? null };
  } catch (error) {
    const code = errorCode(error);
    if (code === 'MR_VERSION_MISSING') return { card: 'Its files are gone.', index: null };
    if (code === 'MR_VERSION_CORRUPT') return { card: (error as Error).message, index: null };
    throw error;
  }
}

/** What came of the last day's answers that it found, or ranked. */
async function answersOf(
  version: string,
  { log, topics }: Pick<Installation, 'log' | 'topics'>,
): Promise<readonly AnswerQuality[]> {
  const rows = await QualityRows.open(log, topics);
  try {
    await rows.refresh();
    const { answers } = qualityReport(rows, HOURS);
    return answers.filter((each) => each.version === version || each.ranker === version);
  } finally {
    await rows.close();
  }
}

function answeredText({
  version,
  ranker,
  variant,
  shown,
  answered,
  click_rate,
  calibration,
}: AnswerQuality): string {
  const rate = click_rate === null ? 'nothing' : `${(100 * click_rate).toFixed(1)}%`;
  const of = shown > 0 ? `${grouped(shown)} items shown` : `${grouped(answered)} items answered`;
  const found = version === null ? '' : `, found by ${version.slice(0, 12)}`;
  const ranked = ranker === null ? '' : `, ranked by ${ranker.slice(0, 12)}`;
  const ofVariant = variant === null ? '' : `, variant ${variant}`;
  const calibrated =
    calibration === null
      ? ''
      : `; chances of ${figure(calibration.expected)}, of which ${figure(calibration.taken)} came true`;
  return `last ${HOURS} h${found}${ranked}${ofVariant}: ${rate} of ${of} clicked${calibrated}`;
}

type Shown = {
  readonly latest: Version;
  readonly steps: readonly Version[];
  readonly serving: boolean;
  readonly card: string | null;
  /** How the index that it came with is searched; null where that is exact. */
  readonly index: IndexCalibration | null;
  /** The last index of the whole catalogue. */
  readonly built: IndexBuild | null;
};

function print(output: Output, { latest, steps, serving, card, index, built }: Shown): void {
  const { version, status, candidate } = latest;
  const { model, role, snapshot_id, run_id, metrics, intervals, production } = candidate;
  output.line(`version ${version} (${model}, ${role}) is ${status}${serving ? ' and in force' : ''}`);
  const trained = snapshot_id === '' ? 'elsewhere' : `on snapshot ${snapshot_id}`;
  const size = sizeText(candidate);
  const parts = size === '' ? '' : `: ${size}`;
  output.line(`trained ${trained}${run_id === null ? '' : ` by run ${run_id}`}${parts}`);
  output.line();
  output.table(
    ['when', 'step', 'by', 'in place of', 'why'],
    steps.map(({ ts, status: step, actor, previous, reason }) => [
      moment(ts),
      step,
      actor ?? 'gate',
      previous?.slice(0, 12) ?? '',
      reason ?? '',
    ]),
  );
  const gates = steps.findLast(({ gates: found }) => found.length > 0)?.gates ?? [];
  if (gates.length > 0) printGates(output, gates);
  output.line();
  for (const [metric, value] of Object.entries(metrics)) {
    const interval = intervals[metric];
    const range = interval === undefined ? '' : ` (${figure(interval.low)} to ${figure(interval.high)})`;
    const difference = production?.differences[metric];
    const beside =
      difference === undefined
        ? ''
        : `, ${figure(difference.mean)} (${figure(difference.low)} to ${figure(difference.high)}) over ${production?.version.slice(0, 12)}`;
    output.line(`${metric} ${figure(value)}${range}${beside}`);
  }
  if (index !== null) printCalibration(output, index);
  if (built !== null) {
    const { index: name, ts, items, probes, recall } = built;
    const how =
      probes === null ? 'exact' : `${probes} lists a search, recall@100 ${figure(recall ?? undefined)}`;
    output.line(`\nindex ${name} of ${moment(ts)}: ${grouped(items)} items, ${how}`);
  }
  if (card !== null) output.line(`\n${card.trimEnd()}`);
}

function printCalibration(output: Output, { nprobe, target, at, curve }: IndexCalibration): void {
  output.line(`\nindex: ${nprobe} lists a search, for a recall@${at} of ${figure(target)}`);
  output.table(
    [right('lists'), right(`recall@${at}`)],
    curve.map((point) => [String(point.nprobe), figure(point.recall)]),
  );
}

function printGates(output: Output, gates: readonly GateResult[]): void {
  output.line();
  output.table(
    ['gate', 'metric', right('value'), right('at least'), 'passed'],
    gates.map(({ gate, metric, value, threshold, passed }) => [
      gate,
      metric,
      figure(value),
      figure(threshold),
      passed ? 'yes' : 'no',
    ]),
  );
}
