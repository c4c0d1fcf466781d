import { deadLetterTopic, type Shadow, shadowOf, type Topology } from '#engine';
import { FencedWriter, idleMember, type Log } from '#log';
import { type Clock, errorCode, InputError, lockDirectory, type Shutdown } from '#platform';
import {
  type Processing,
  type ProcessingOptions,
  type Runs,
  shadowDeadLetters,
  startProcessing,
  stateDirectoryOf,
} from '#processing';
import { type Definition, readReplays, replayGroup, replaysTopic, shadowName } from './definition.ts';
import { type Offsets, offsetsOf, type Range } from './range.ts';

export type ReplayOptions = Omit<ProcessingOptions, 'runs' | 'shadow' | 'topology' | 'endpoint'> & {
  readonly name: string;
  readonly runs: Runs;
  /** See codeOf. */
  readonly code: string;
  /** The live topology, as the code that runs the replay declares it. */
  readonly topology: Topology;
  readonly range: Range;
  /** Begins where the log begins if what the replay should begin with is gone. */
  readonly isPartial: boolean;
  readonly withArrival: boolean;
  /** Processor time that each thread may take of the time that passes, above 0 and up to 1. */
  readonly share: number;
  readonly clock: Clock;
};

export type Replay = {
  readonly definition: Definition;
  readonly processing: Processing;
  readonly recorded: Shadow['recorded'];
  /** Whether it goes on with what was begun before. */
  readonly isResumed: boolean;
  /**
   * Resolves when all that is to be replayed is processed and committed: up to the range's end, or, where it follows
   * the live inputs, when what was readable a second ago is. Rejects when processing fails.
   */
  ready(): Promise<void>;
};

/** Lag below which a replay that follows the live inputs is ready, ms. */
const READY_LAG_MS = 1_000;

/**
 * Runs a topology beside itself, from `range` of the log: with stores, output topics, offsets and dead letters of its own,
 * so that nothing live is written. Its offsets are its own group's: after a crash the same call resumes from the last
 * commit. `shutdown` commits and stops it. Errors: those of offsetsOf; InputError MR_REPLAY_DIFFERENT, MR_REPLAY_RUNNING;
 * ConfigurationError MR_DATA_LOCKED where another process of this data directory runs it.
 */
export async function startReplay(options: ReplayOptions, shutdown: Shutdown): Promise<Replay> {
  const { log, registry, name, topology, withArrival, stateDirectory, share } = options;
  const shadow = shadowOf(topology, { name: shadowName(name), withArrival });
  const lock = lockDirectory(stateDirectoryOf(shadow.topology, stateDirectory), `replay ${name}`);
  shutdown.add('stores of the replay', async () => lock.release());
  const known = (await readReplays(log)).find((each) => each.name === name);
  if (known !== undefined) assertSame(known, options);
  const definition = known ?? (await begin(options, shadow));
  await log.createTopics([shadowDeadLetters(shadow.topology, await deadLetterTopic(registry))]);
  const processing = await startProcessing({
    ...options,
    endpoint: undefined,
    shadow: { name: shadowName(name), withArrival, ends: definition.ends, share },
  });
  shutdown.add('replay', () => processing.stop());
  const ready = () => untilReady(processing, options.clock, definition.ends.length > 0);
  return { definition, processing, recorded: shadow.recorded, isResumed: known !== undefined, ready };
}

async function untilReady(processing: Processing, clock: Clock, isBounded: boolean): Promise<void> {
  for (;;) {
    const asked = clock.monotonic();
    await processing.untilCaughtUp();
    if (isBounded || clock.monotonic() - asked < READY_LAG_MS) return;
  }
}

/** Writes down what the replay is, and where it starts, at once: what is cut off before has not begun. */
async function begin(options: ReplayOptions, { inputs }: Shadow): Promise<Definition> {
  const { log, name, topology, runs, code, range, isPartial, withArrival, clock } = options;
  const { starts, ends } = await offsetsOf({ log, inputs, range, isPartial });
  const begunMs = clock.now();
  const { name: live, generation } = topology;
  const of = { name, topology: live, generation, runs, code, range, withArrival };
  const definition: Definition = { ...of, starts, ends, begunMs };
  await log.createTopics([replaysTopic]);
  await writeAlone(log, definition, definition, starts);
  return definition;
}

/** Changes the record of a replay together with its group's offsets. Errors: MR_REPLAY_RUNNING. */
export async function writeAlone(
  log: Log,
  of: Definition,
  value: Definition | null,
  offsets: Offsets['starts'],
): Promise<void> {
  const writer = await FencedWriter.open(log, `replay-${of.name}`);
  const record = {
    key: Buffer.from(of.name),
    value: value && replaysTopic.value.encode(value),
    timestamp: of.begunMs,
  };
  try {
    await writer.write({
      appends: [{ topic: replaysTopic.name, partition: 0, records: [record] }],
      offsets: [{ group: idleMember(replayGroup(of)), offsets }],
    });
  } catch (error) {
    const code = errorCode(error);
    if (code !== 'MR_LOG_GENERATION' && code !== 'MR_LOG_FENCED') throw error;
    throw new InputError('MR_REPLAY_RUNNING', `Another process runs the replay ${of.name}.`, {
      hint: 'Stop it with Ctrl-C first, or begin another one with --into NAME.',
      cause: error,
    });
  } finally {
    await writer.close();
  }
}

function assertSame(
  known: Definition,
  { name, topology, range, withArrival, runs, code }: ReplayOptions,
): void {
  const { name: live, generation } = topology;
  // Rows of two codes are rows of neither.
  const own = known.code === undefined ? {} : { code };
  const wanted = { topology: live, generation, runs, ...own, range, withArrival };
  const begun: Record<string, unknown> = { ...known };
  const differs = Object.entries(wanted).filter(
    ([what, value]) => JSON.stringify(begun[what]) !== JSON.stringify(value),
  );
  if (differs.length === 0) return;
  const names = differs.map(
    ([what, value]) => `${what} ${JSON.stringify(begun[what])}, not ${JSON.stringify(value)}`,
  );
  throw new InputError('MR_REPLAY_DIFFERENT', `The replay ${name} was begun with ${names.join('; ')}.`, {
    hint: `Continue it as it was begun, cancel it with "millrace replay cancel ${name}", or choose another --into NAME.`,
  });
}
