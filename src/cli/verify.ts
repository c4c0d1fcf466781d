/** `millrace verify`: whether the processors' state is what their inputs make of it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import {
  compareTaskWithRebuild,
  placesOf,
  type RebuildOptions,
  rocksDatabases,
  type TaskPlace,
  type Topology,
  type VerifyProgress,
  verifyTask,
} from '#engine';
import { declaredLoop } from '#operations';
import { createLogger, errorCode, systemClock } from '#platform';
import { defineCommand, EXIT, type Invocation, usageError } from './command.ts';
import { commandProgress } from './command-progress.ts';
import { openExistingInstallation } from './installation.ts';
import { Interrupted, throwIfInterrupted, withShutdown } from './interruption.ts';
import { grouped } from './output.ts';

type VerifyCommandOptions = { readonly task?: string; readonly fromLog?: boolean; readonly force?: boolean };

type Finding = {
  readonly task: string;
  readonly result: 'equal' | 'different' | 'unknown';
  readonly commits?: number;
  readonly records?: number;
  /** What differs and where, or why nothing can be said. */
  readonly detail: string;
};

type Context = {
  readonly options: RebuildOptions & { readonly topology: Topology };
  readonly fromLog: boolean;
};

export function verifyCommand(): Command {
  return defineCommand<VerifyCommandOptions>({
    command: new Command('verify')
      .description('Prove that the state of the processors is what their inputs make of it.')
      .option('--task <name>', 'verify this task alone, such as user-features-0')
      .option('--from-log', 'rebuild from the inputs alone, without the journal, and compare')
      .option('--force', 'with --from-log: state that depends on arrival as well'),
    examples: [
      ['millrace verify', 'replay every task, compare after each commit'],
      ['millrace verify --from-log', 'would a rebuild from the log give the same?'],
      [`millrace verify --json | jq -r 'select(.result != "equal").task'`, 'those not proven'],
    ],
    notes: `
The journal says in which order a task took its records. Replaying it is exact for every operator; it needs
the records to be in the log still. Nothing is changed, and processing may go on meanwhile.
Exit code 1 where state differs, or where nothing can be said of it.`,
    run: (invocation) => runVerify(invocation),
  });
}

async function runVerify({
  options,
  configuration,
  output,
}: Invocation<VerifyCommandOptions>): Promise<number> {
  const logger = createLogger({ level: configuration.logging.level, name: 'verify' });
  return withShutdown(logger, async (shutdown) => {
    const installation = await openExistingInstallation(configuration, shutdown);
    const topology = await declaredLoop(installation.topics, installation.registry, configuration);
    const directory = await mkdtemp(join(tmpdir(), 'millrace-verify-'));
    shutdown.add('scratch stores', () => rm(directory, { recursive: true, force: true }));
    const { log } = installation;
    const scratch = rocksDatabases(directory);
    const context: Context = {
      options: {
        log,
        logger,
        topology,
        scratch,
        clock: systemClock,
        force: options.force === true,
        signal: shutdown.signal,
      },
      fromLog: options.fromLog === true,
    };
    const findings: Finding[] = [];
    const progress = commandProgress(output, shutdown.signal);
    // What is under way ends on the signal; its stores must be closed before they are removed.
    let work: Promise<unknown> = Promise.resolve();
    shutdown.add('verification', async () => void (await work.catch(() => {})));
    for (const place of chosen(topology, options.task)) {
      throwIfInterrupted(shutdown.signal);
      const step = progress.start(`Verifying ${place.name}`, 100);
      const onProgress = ({ done, total }: VerifyProgress) =>
        step.update(total === 0 ? 100 : Math.floor((100 * done) / total));
      const found = find(place, { ...context, options: { ...context.options, onProgress } });
      work = found;
      const finding = await found.catch((error: unknown) => {
        throw shutdown.signal.aborted ? new Interrupted() : error;
      });
      step.done();
      findings.push(finding);
      if (output.json) output.value(finding);
      else output.line(lineOf(finding));
    }
    return findings.every(({ result }) => result === 'equal') ? EXIT.done : EXIT.failed;
  });
}

function chosen(topology: Topology, task: string | undefined): readonly TaskPlace[] {
  const places = placesOf(topology);
  if (task === undefined) return places;
  const found = places.filter(({ name }) => name === task);
  if (found.length > 0) return found;
  throw usageError(`There is no task ${task}.`, `Tasks are ${places.map(({ name }) => name).join(', ')}.`);
}

/** Reasons for which nothing can be said of a task, while others can be verified. */
const unknowable = new Set([
  'MR_JOURNAL_INCOMPLETE',
  'MR_VERIFY_INPUT_GONE',
  'MR_REBUILD_DEPENDS_ON_ARRIVAL',
]);

async function find(place: TaskPlace, { options, fromLog }: Context): Promise<Finding> {
  try {
    return await (fromLog ? compare(place, options) : replay(place, options));
  } catch (error) {
    if (!unknowable.has(errorCode(error) ?? '')) throw error;
    return { task: place.name, result: 'unknown', detail: (error as Error).message };
  }
}

async function replay(place: TaskPlace, options: Context['options']): Promise<Finding> {
  const { task, commits, records, difference, uncompared } = await verifyTask(place, options);
  if (difference === undefined) {
    const nothing = commits === 0 ? 'has committed nothing' : '';
    const detail = uncompared.length === 0 ? nothing : `not compared: ${uncompared.join(', ')}`;
    const stores = place.subTopology.stores.map(({ name }) => name);
    const isNoneCompared = stores.length > 0 && stores.every((name) => uncompared.includes(name));
    return { task, result: isNoneCompared ? 'unknown' : 'equal', commits, records, detail };
  }
  const stores = difference.stores.map(({ name }) => name);
  const what = [...stores, ...(difference.watermark === undefined ? [] : ['the watermark'])].join(', ');
  const where = difference.inputs.map(({ topic, from, to }) => `${topic} ${from} to ${to}`).join(', ');
  return { task, result: 'different', commits, records, detail: `${what} after ${where}` };
}

async function compare(place: TaskPlace, options: Context['options']): Promise<Finding> {
  const comparison = await compareTaskWithRebuild(place, options);
  if (comparison === undefined) return { task: place.name, result: 'equal', detail: 'has committed nothing' };
  const { task, stores } = comparison;
  const detail = [...stores.different, ...stores.incomparable].join(', ');
  return { task, result: detail === '' ? 'equal' : 'different', detail };
}

function lineOf({ task, result, commits, records, detail }: Finding): string {
  const counts =
    commits === undefined ? '' : ` (${grouped(commits)} commits, ${grouped(records ?? 0)} records)`;
  return `${task}: ${result}${counts}${detail === '' ? '' : `: ${detail}`}`;
}
