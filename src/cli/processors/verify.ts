/** `millrace verify`: whether the processors' state is what their inputs make of it. */

import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import {
  compareTaskWithRebuild,
  placesOf,
  type RebuildOptions,
  rocksDatabases,
  type StoreOnDisk,
  StoresOnDisk,
  type TaskPlace,
  type Topology,
  type VerifyProgress,
  verifyTask,
} from '#engine';
import { errorCode, inspectLock, lockDirectory, type Shutdown, systemClock } from '#platform';
import { openVault, type Pseudonyms, vaultExists, vaultFileProblem } from '#privacy';
import { declaredLoop, stateDirectoryOf } from '#processing';
import { optionsThatDiffer, throwIfInterrupted, verifiedFiles, withInstallation } from '#service';
import type { Configuration } from '#service/configuration';
import { defineCommand, EXIT, type Invocation, usageError } from '../command.ts';
import { commandProgress, grouped, notice, type Output } from '../output.ts';

type VerifyCommandOptions = { readonly task?: string; readonly fromLog?: boolean; readonly force?: boolean };

type Finding = {
  readonly task: string;
  readonly result: 'equal' | 'different' | 'unknown';
  readonly commits?: number;
  readonly records?: number;
  /** Checks of files that are written once. */
  readonly files?: number;
  /** What differs and where, or why nothing can be said. */
  readonly detail: string;
  /** The stores on this machine; absent for a task without stores. */
  readonly state?: 'equal' | 'different' | 'unknown' | 'not here' | 'in use';
  /** Those that are not equal. */
  readonly stores?: readonly StoreOnDisk[];
};

type Replayed = Omit<Finding, 'state' | 'stores'> & { readonly uncompared: readonly string[] };

type Context = {
  readonly options: RebuildOptions & { readonly topology: Topology };
  readonly fromLog: boolean;
  /** Options that a start has had otherwise, with both values. */
  readonly configuredDifferently: readonly string[];
  /** Where the stores lie, a directory for each task; undefined where another process has them open. */
  readonly stateDirectory: string | undefined;
};

export function verifyCommand(command: Command): Command {
  return defineCommand<VerifyCommandOptions>({
    command: command
      .option('--task <name>', 'verify only this task, such as interactions-accepted-0')
      .option('--from-log', 'rebuild from the inputs, without the journal, and compare')
      .option('--force', 'with --from-log: include state that depends on arrival'),
    examples: [
      ['millrace verify', 'replay every task, compare at each commit'],
      ['millrace verify --from-log', 'would a rebuild from the log be equal?'],
      [`millrace verify --json | jq -r 'select(.result != "equal").task'`, 'those not proven'],
    ],
    notes: `
The journal records the order in which a task took its records, and the digests of its stores after each commit.
Replaying it is exact for every operator, as long as the records are still in the log. Nothing is changed. If no other
command holds the data directory, the rows of the stores on disk are compared as well, and the directory is held
meanwhile. Rows of the vault of pseudonyms are checked against their seals; files of the archive, snapshots and
versions against their SHA-256; SQLite checks the pages of the embedded log and of the vault. While "millrace start"
has the stores open, only the journal is compared. Not covered: global tables, views of modules, and views in Redis.
If an option that results depend on was changed since, a difference is reported as "unknown", with the option: verify
with its earlier value. Exit code 1 if state differs or cannot be verified; a start rebuilds state that is missing
here.`,
    run: (invocation) => runVerify(invocation),
  });
}

async function runVerify({
  options,
  configuration,
  output,
}: Invocation<VerifyCommandOptions>): Promise<number> {
  return withInstallation(configuration, async (installation, shutdown) => {
    const topology = await declaredLoop(installation.topics, installation.registry, configuration);
    const directory = await mkdtemp(join(tmpdir(), 'millrace-verify-'));
    shutdown.add('scratch stores', () => rm(directory, { recursive: true, force: true }));
    const held = holdStores(configuration, output, shutdown);
    const state = stateDirectoryOf(topology, join(installation.directory, 'state'));
    const { log, logger } = installation;
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
      configuredDifferently: optionsThatDiffer(installation.directory, configuration),
      stateDirectory: held ? state : undefined,
    };
    const findings: Finding[] = [];
    const report = (finding: Finding) => {
      findings.push(finding);
      if (output.json) output.value(finding);
      else output.line(lineOf(finding));
    };
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
      const finding = await found;
      step.done();
      report(finding);
    }
    if (options.task === undefined) {
      for await (const finding of verifiedFiles(installation, shutdown.signal)) report(finding);
      const ofVault = await verifiedVault(configuration, shutdown.signal);
      if (ofVault !== undefined) report(ofVault);
    }
    return findings.every(({ result }) => result === 'equal') ? EXIT.done : EXIT.failed;
  });
}

/** The rows of the vault against their seals; undefined where there is none. */
async function verifiedVault({ data }: Configuration, signal: AbortSignal): Promise<Finding | undefined> {
  if (!vaultExists(data)) return undefined;
  const task = 'vault of pseudonyms';
  let vault: Pseudonyms | undefined;
  try {
    vault = openVault(data);
    const { users, damaged } = await vault.check(signal);
    const counted = { task, records: users };
    const problem = damaged === 0 ? vaultFileProblem(data) : vault.damage;
    if (problem === undefined) return { ...counted, result: 'equal', detail: '' };
    return { ...counted, result: 'different', detail: problem };
  } catch (error) {
    if (errorCode(error) !== 'MR_PRIVACY_VAULT_UNUSABLE') throw error;
    return { task, result: 'different', detail: (error as Error).message };
  } finally {
    vault?.close();
  }
}

/** Keeps `start` from opening the stores while they are read; false where it, or another command, has them. */
function holdStores({ data }: Configuration, output: Output, shutdown: Shutdown): boolean {
  const { held, pid, purpose } = inspectLock(data);
  if (held) {
    const who = `process ${pid} (millrace ${purpose})`;
    notice(output, `Only the journal is compared, not the state on disk: ${who} has it open.`);
    return false;
  }
  const lock = lockDirectory(data, 'verify');
  shutdown.add('data directory', async () => lock.release());
  return true;
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

async function find(place: TaskPlace, context: Context): Promise<Finding> {
  const { stateDirectory } = context;
  if (place.subTopology.stores.length === 0) return found(await replay(place, context));
  if (stateDirectory === undefined) return found(await replay(place, context), 'in use');
  // Opened where there is none, a database would be made.
  const isHere = existsSync(join(stateDirectory, place.name));
  const onDisk = isHere ? await StoresOnDisk.open(place, rocksDatabases(stateDirectory)) : undefined;
  if (onDisk === undefined) return found(await replay(place, context), 'not here');
  try {
    const replayed = await replay(place, { ...context, options: { ...context.options, onDisk } });
    return found(replayed, ...stateOf(onDisk.results(), replayed));
  } finally {
    await onDisk.close();
  }
}

/** What a replay has found of the stores on disk. One that was cut short has not come to where all of them stand. */
function stateOf(
  results: readonly StoreOnDisk[],
  { result, uncompared }: Replayed,
): [state: Finding['state'], stores: readonly StoreOnDisk[]] {
  const compared = results.filter(
    (store) => !uncompared.includes(store.name) && (store.result !== 'unknown' || result === 'equal'),
  );
  const worst = (['different', 'unknown', 'equal'] as const).find((each) =>
    compared.some((store) => store.result === each),
  );
  return [worst, compared.filter((store) => store.result !== 'equal')];
}

/** What a replay has found, with what was found on disk. */
function found(
  { uncompared: _, ...replayed }: Replayed,
  state?: Finding['state'],
  stores: readonly StoreOnDisk[] = [],
): Finding {
  const isWorse = replayed.result === 'equal' && (state === 'different' || state === 'unknown');
  const result = isWorse ? state : replayed.result;
  return { ...replayed, result, ...(state && { state }), ...(stores.length > 0 && { stores }) };
}

async function replay(place: TaskPlace, context: Context): Promise<Replayed> {
  const { options, fromLog, configuredDifferently } = context;
  try {
    const compared = await (fromLog
      ? compareWithRebuild(place, options)
      : compareWithJournal(place, options));
    if (compared.result !== 'different' || configuredDifferently.length === 0) return compared;
    const detail = `configured differently: ${configuredDifferently.join(', ')}; ${compared.detail}`;
    return { ...compared, result: 'unknown', detail };
  } catch (error) {
    if (!unknowable.has(errorCode(error) ?? '')) throw error;
    return { task: place.name, result: 'unknown', detail: (error as Error).message, uncompared: [] };
  }
}

async function compareWithJournal(place: TaskPlace, options: Context['options']): Promise<Replayed> {
  const { task, commits, records, difference, uncompared } = await verifyTask(place, options);
  const counts = { task, commits, records, uncompared };
  if (difference === undefined) {
    const nothing = commits === 0 ? 'has committed nothing' : '';
    const detail = uncompared.length === 0 ? nothing : `not compared: ${uncompared.join(', ')}`;
    const stores = place.subTopology.stores.map(({ name }) => name);
    const isNoneCompared = stores.length > 0 && stores.every((name) => uncompared.includes(name));
    return { ...counts, result: isNoneCompared ? 'unknown' : 'equal', detail };
  }
  const stores = difference.stores.map(({ name }) => name);
  const what = [...stores, ...(difference.watermark === undefined ? [] : ['the watermark'])].join(', ');
  const where = difference.inputs.map(({ topic, from, to }) => `${topic} ${from} to ${to}`).join(', ');
  return { ...counts, result: 'different', detail: `${what} after ${where}` };
}

async function compareWithRebuild(place: TaskPlace, options: Context['options']): Promise<Replayed> {
  const comparison = await compareTaskWithRebuild(place, options);
  if (comparison === undefined) {
    const uncompared = place.subTopology.stores.map(({ name }) => name);
    return { task: place.name, result: 'equal', detail: 'has committed nothing', uncompared };
  }
  const { task, stores } = comparison;
  const detail = [...stores.different, ...stores.incomparable].join(', ');
  return { task, result: detail === '' ? 'equal' : 'different', detail, uncompared: stores.incomparable };
}

function lineOf({ task, result, commits, records, files, detail, state, stores = [] }: Finding): string {
  const parts = [
    ...(commits === undefined ? [] : [`${grouped(commits)} commits`]),
    ...(records === undefined ? [] : [`${grouped(records)} records`]),
    ...(files === undefined ? [] : [`${grouped(files)} ${files === 1 ? 'file' : 'files'}`]),
  ];
  const counts = parts.length === 0 ? '' : ` (${parts.join(', ')})`;
  const onDisk = [state === undefined ? '' : `state on disk ${state}`, ...stores.map(shownStore)];
  const details = [detail, ...onDisk].filter((part) => part !== '').join('; ');
  return `${task}: ${result}${counts}${details === '' ? '' : `: ${details}`}`;
}

function shownStore({ name, result, rows, firstKey, error }: StoreOnDisk): string {
  if (result === 'unknown') return `${name} stands at no commit of the journal`;
  if (rows === undefined) return `${name}: ${error}`;
  if (firstKey === undefined) return `${name} has another digest than at any commit of the journal`;
  return `${name}: ${grouped(rows)} ${rows === 1 ? 'row differs' : 'rows differ'}, first at key ${JSON.stringify(firstKey)}`;
}
