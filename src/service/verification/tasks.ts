/** Tasks: their journals replayed, their stores on disk compared with that, or with their changelogs. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  compareTaskWithRebuild,
  compareWithChangelogs,
  journalTopic,
  type RebuildOptions,
  rocksDatabases,
  type StoreOnDisk,
  StoresOnDisk,
  type TaskPlace,
  type Topology,
  verifyTask,
} from '#engine';
import { errorCode } from '#platform';
import type { Finding } from './finding.ts';

export type TaskContext = {
  readonly options: RebuildOptions & { readonly topology: Topology };
  readonly fromLog: boolean;
  /** Options that a start has had otherwise, with both values. */
  readonly configuredDifferently: readonly string[];
  /** Where the stores lie, a directory for each task; undefined where another process has them open. */
  readonly stateDirectory: string | undefined;
};

type Replayed = Omit<Finding, 'state' | 'stores'> & {
  readonly uncompared: readonly string[];
  readonly isCut?: boolean;
};

/** Reasons for which nothing can be said of a task, while others can be verified. */
const unknowable = new Set([
  'MR_JOURNAL_INCOMPLETE',
  'MR_VERIFY_INPUT_GONE',
  'MR_REBUILD_DEPENDS_ON_ARRIVAL',
]);

/** After which a task's stores can still be held against their changelogs. */
const cut = new Set(['MR_JOURNAL_INCOMPLETE', 'MR_VERIFY_INPUT_GONE']);

/** What is damaged is in the finding. Errors: those of the log. */
export async function verifiedTask(place: TaskPlace, context: TaskContext): Promise<Finding> {
  const { finding, isCut, uncompared } = await fromJournal(place, context);
  if (context.fromLog || (!isCut && uncompared.length === 0)) return finding;
  const stores = await fromChangelogs(place, context);
  return isCut ? inPlaceOfJournal(finding, stores) : besideJournal(finding, stores, uncompared);
}

type FromJournal = Pick<Replayed, 'uncompared'> & {
  readonly finding: Finding;
  /** Whether the journal, or what it names, no longer goes back to the beginning. */
  readonly isCut: boolean;
};

async function fromJournal(place: TaskPlace, context: TaskContext): Promise<FromJournal> {
  const { stateDirectory } = context;
  const outcome = (replayed: Replayed, ...state: OnDisk) => {
    const { uncompared, isCut = false } = replayed;
    return { finding: found(replayed, ...state), uncompared, isCut };
  };
  if (place.subTopology.stores.length === 0) return outcome(await replay(place, context));
  if (stateDirectory === undefined) return outcome(await replay(place, context), 'in use');
  // Opened where there is none, a database would be made.
  const onDisk = isHere(place, stateDirectory)
    ? await StoresOnDisk.open(place, rocksDatabases(stateDirectory))
    : undefined;
  if (onDisk === undefined) return outcome(await replay(place, context), 'not here');
  try {
    const replayed = await replay(place, { ...context, options: { ...context.options, onDisk } });
    return outcome(replayed, ...stateOf(onDisk.results(), replayed));
  } finally {
    await onDisk.close();
  }
}

const isHere = ({ name }: TaskPlace, stateDirectory: string) => existsSync(join(stateDirectory, name));

async function fromChangelogs(
  place: TaskPlace,
  { options, stateDirectory }: TaskContext,
): Promise<readonly StoreOnDisk[]> {
  const isOnDisk = stateDirectory !== undefined && isHere(place, stateDirectory);
  const databases = isOnDisk ? rocksDatabases(stateDirectory) : undefined;
  return compareWithChangelogs(place, { ...options, databases });
}

function inPlaceOfJournal(finding: Finding, stores: readonly StoreOnDisk[]): Finding {
  const worst = worstOf(stores);
  if (worst === undefined) return finding;
  const unequal = stores.filter(({ result }) => result !== 'equal');
  const isOnDisk = finding.state !== 'in use' && finding.state !== 'not here';
  return {
    ...finding,
    result: worst,
    detail: `compared with the changelogs: ${finding.detail}`,
    ...(isOnDisk && { state: worst }),
    ...(unequal.length > 0 && { stores: unequal }),
  };
}

/** For the stores that a replay does not compare. */
function besideJournal(
  finding: Finding,
  stores: readonly StoreOnDisk[],
  uncompared: readonly string[],
): Finding {
  const others = stores.filter(({ name }) => uncompared.includes(name));
  const worst = worstOf(others);
  if (worst === undefined || worst === 'unknown' || finding.result === 'different') return finding;
  const unequal = others.filter(({ result }) => result !== 'equal');
  const known = finding.stores ?? [];
  return {
    ...finding,
    result: worst === 'different' ? 'different' : finding.state === 'unknown' ? 'unknown' : 'equal',
    detail: finding.detail.replace(/^not compared:/, 'compared with their changelogs:'),
    ...(worst === 'different' && { state: 'different' as const }),
    ...(unequal.length > 0 && { stores: [...known, ...unequal] }),
  };
}

type OnDisk = [state?: Finding['state'], stores?: readonly StoreOnDisk[]];

/** What a replay has found of the stores on disk. One that was cut short has not come to where all of them stand. */
function stateOf(
  results: readonly StoreOnDisk[],
  { result, uncompared }: Replayed,
): [state: Finding['state'], stores: readonly StoreOnDisk[]] {
  const compared = results.filter(
    (store) => !uncompared.includes(store.name) && (store.result !== 'unknown' || result === 'equal'),
  );
  return [worstOf(compared), compared.filter((store) => store.result !== 'equal')];
}

function worstOf(compared: readonly StoreOnDisk[]): StoreOnDisk['result'] | undefined {
  return (['different', 'unknown', 'equal'] as const).find((each) =>
    compared.some((store) => store.result === each),
  );
}

/** What a replay has found, with what was found on disk. */
function found(
  { uncompared: _, isCut: __, ...replayed }: Replayed,
  state?: Finding['state'],
  stores: readonly StoreOnDisk[] = [],
): Finding {
  const isWorse = replayed.result === 'equal' && (state === 'different' || state === 'unknown');
  const result = isWorse ? state : replayed.result;
  return { ...replayed, result, ...(state && { state }), ...(stores.length > 0 && { stores }) };
}

async function replay(place: TaskPlace, context: TaskContext): Promise<Replayed> {
  const { options, fromLog, configuredDifferently } = context;
  try {
    const compared = await (fromLog
      ? compareWithRebuild(place, options)
      : compareWithJournal(place, options));
    if (compared.result !== 'different' || configuredDifferently.length === 0) return compared;
    const detail = `configured differently: ${configuredDifferently.join(', ')}; ${compared.detail}`;
    return { ...compared, result: 'unknown', detail };
  } catch (error) {
    const code = errorCode(error) ?? '';
    if (!unknowable.has(code)) throw error;
    const detail = (error as Error).message;
    return { task: place.name, result: 'unknown', detail, uncompared: [], isCut: cut.has(code) };
  }
}

async function compareWithJournal(place: TaskPlace, options: TaskContext['options']): Promise<Replayed> {
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
  const commit = `the commit at offset ${difference.journalOffset} of ${journalTopic(options.topology).name}`;
  return { ...counts, result: 'different', detail: `${what} after ${where}, ${commit}` };
}

async function compareWithRebuild(place: TaskPlace, options: TaskContext['options']): Promise<Replayed> {
  const comparison = await compareTaskWithRebuild(place, options);
  if (comparison === undefined) {
    const uncompared = place.subTopology.stores.map(({ name }) => name);
    return { task: place.name, result: 'equal', detail: 'has committed nothing', uncompared };
  }
  const { task, stores } = comparison;
  const detail = [...stores.different, ...stores.incomparable].join(', ');
  return { task, result: detail === '' ? 'equal' : 'different', detail, uncompared: stores.incomparable };
}
