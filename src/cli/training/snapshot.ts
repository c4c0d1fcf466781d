/** `millrace snapshot`: freezes the examples as Parquet files, and says what they hold. */

import { type Command, InvalidArgumentError } from 'commander';
import { writeRecords } from '#engine';
import { readSnapshots, takeSnapshot } from '#offline';
import { FatalError, type Progress, systemClock } from '#platform';
import type { ColumnQuality, Snapshot, SnapshotRequest, SplitKind } from '#schemas';
import { type Installation, snapshotModules, snapshotPlan, waitingOptions, withInstallation } from '#service';
import { requestedOptions } from '#trainer';
import { defineCommand, EXIT, type Invocation, wholeNumber } from '../command.ts';
import { grouped, type Output, right } from '../output.ts';
import { aloneOrBesideStart } from './alone-or-beside-start.ts';
import { followCommand } from './follow-training.ts';

type Options = {
  readonly negatives?: number;
  readonly popularNegatives?: number;
  readonly coVisitNegatives?: number;
  readonly sourceNegatives?: number;
  readonly split?: SplitKind;
  readonly last?: boolean;
};

const MOST_NEGATIVES = 100;

export function snapshotCommand(command: Command): Command {
  return defineCommand<Options>({
    command: command
      .option('--last', 'show the newest snapshot instead of taking one')
      .option(
        '--negatives <n>',
        'negatives for each positive, drawn uniformly from all items (default: snapshots.negatives)',
        wholeNumber(0, MOST_NEGATIVES),
      )
      .option(
        '--popular-negatives <n>',
        'the same, drawn by popularity (default: snapshots.popularNegatives)',
        wholeNumber(0, MOST_NEGATIVES),
      )
      .option(
        '--co-visit-negatives <n>',
        "the same, drawn from what users had along with the user's last items (default: snapshots.coVisitNegatives)",
        wholeNumber(0, MOST_NEGATIVES),
      )
      .option(
        '--source-negatives <n>',
        'the same, drawn as the other sources of an answer would find them (default: snapshots.sourceNegatives)',
        wholeNumber(0, MOST_NEGATIVES),
      )
      .option(
        '--split <kind>',
        'what is held out: per-user-last or by-time (default: snapshots.split)',
        splitKind,
      ),
    examples: [
      ['millrace snapshot', 'rows, files, and each column compared with the last snapshot'],
      ['millrace snapshot --last', 'the newest one again'],
      ['millrace snapshot --negatives 4 --split by-time', 'another split, with sampled negatives'],
      [`millrace snapshot --last --json | jq -r '.suspect[]'`, 'why it is suspect'],
    ],
    notes: `
Files are in snapshots/ID of the data directory; the same contents have the same ID. The next "millrace start" or
"millrace train" trains on a new snapshot unless it is suspect; "millrace train --force" trains anyway.`,
    run: snapshot,
  });
}

function splitKind(text: string): SplitKind {
  if (text === 'per-user-last') return 'per_user_last';
  if (text === 'by-time') return 'by_time';
  throw new InvalidArgumentError('Use per-user-last or by-time.');
}

async function snapshot(invocation: Invocation<Options>): Promise<number> {
  const { configuration, options, output } = invocation;
  const found = await (options.last === true
    ? withInstallation(configuration, async (installation) => (await readSnapshots(installation)).at(-1))
    : aloneOrBesideStart(invocation, 'snapshot', {
        does: 'takes it',
        beside: (installation, signal) => takenByStart(installation, requestOf(options), signal),
        alone: ({ installation, progress }) => takeHere(installation, requestOf(options), progress),
      }));
  if (output.json) output.value(found ?? null);
  else if (found === undefined) output.line('No snapshot yet: "millrace snapshot" takes one.');
  else printSnapshot(output, found);
  return EXIT.done;
}

function requestOf({ split, negatives, ...drawn }: Options): SnapshotRequest {
  const { popularNegatives, coVisitNegatives, sourceNegatives } = drawn;
  return {
    split: split ?? null,
    uniform_negatives: negatives ?? null,
    popular_negatives: popularNegatives ?? null,
    co_visit_negatives: coVisitNegatives ?? null,
    source_negatives: sourceNegatives ?? null,
  };
}

async function takeHere(
  installation: Installation,
  request: SnapshotRequest,
  progress: Progress,
): Promise<Snapshot> {
  const { configuration, log, topics } = installation;
  const taken = await takeSnapshot({
    ...installation,
    ...requestedOptions(snapshotPlan(configuration), request),
    modules: await snapshotModules(configuration),
    waiting: waitingOptions(installation),
    dataDirectory: configuration.data,
    clock: systemClock,
    progress,
  });
  await writeRecords(log, topics.snapshots, [{ key: taken.snapshot_id, value: taken, timestamp: taken.ts }]);
  return taken;
}

/** Errors: FatalError MR_SNAPSHOT_FAILED. */
async function takenByStart(
  installation: Installation,
  request: SnapshotRequest,
  signal: AbortSignal,
): Promise<Snapshot> {
  const command = {
    ts: systemClock.now(),
    kind: 'snapshot',
    seed: null,
    force: false,
    snapshot: request,
  } as const;
  return followCommand(installation, command, {
    topic: installation.topics.snapshots,
    take: (snapshots, commandId) => snapshots.find(({ command_id }) => command_id === commandId),
    refused: ({ reason, message }) => failed(`${reason}: ${message}`),
    stopped: () => failed('it ended before'),
    signal,
  });
}

function failed(why: string): FatalError {
  return new FatalError('MR_SNAPSHOT_FAILED', `The running start could not take a snapshot: ${why}`, {
    hint: 'See millrace events tail dead-letters -n 1.',
  });
}

const columns = [
  'column',
  right('missing'),
  right('distinct'),
  right('min'),
  right('mean'),
  right('max'),
  right('PSI'),
  right('KS'),
] as const;

function printSnapshot(output: Output, taken: Snapshot): void {
  const { snapshot_id: id, directory, protocol, files, vocabulary, negatives, compared_with } = taken;
  const until = Number.isFinite(taken.watermark) ? new Date(taken.watermark).toISOString() : 'nothing';
  output.line(`snapshot ${id} in ${directory}: examples before ${until}`);
  output.line(
    `${protocol}: ${grouped(taken.train_rows)} train, ${grouped(taken.validation_rows)} validation, ${grouped(taken.test_rows)} test`,
  );
  if (vocabulary !== null) {
    const { users, items, categories, tags } = vocabulary;
    output.line(`${grouped(users)} users, ${grouped(items)} items, ${categories} categories, ${tags} tags`);
  }
  if (negatives !== null) output.line(`${grouped(negatives.rows)} sampled negatives`);
  if (taken.excluded_users > 0) output.line(`${grouped(taken.excluded_users)} users are left out`);
  for (const { name, rows, bytes } of files) {
    output.line(`  ${name}: ${grouped(rows)} rows, ${grouped(bytes / 1024)} KiB`);
  }
  output.line();
  output.table(columns, taken.columns.map(row));
  output.line();
  if (compared_with !== null) output.line(`PSI and KS: drift since snapshot ${compared_with}.`);
  for (const reason of taken.suspect) output.line(`suspect: ${reason}`);
}

function row({ name, missing, distinct, min, mean, max, psi, ks }: ColumnQuality): string[] {
  const share = missing === 0 ? '' : `${(100 * missing).toFixed(1)}%`;
  return [name, share, grouped(distinct), short(min), short(mean), short(max), fixed(psi), fixed(ks)];
}

const short = (value: number | null) => (value === null ? '' : String(Number(value.toPrecision(6))));
const fixed = (value: number | null) => (value === null ? '' : value.toFixed(3));
