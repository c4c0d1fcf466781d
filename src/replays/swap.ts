import { type Shadow, shadowOf, type Topology } from '#engine';
import { FencedWriter, type Log, type ProducerRecord, type TopicPartition } from '#log';
import { type Clock, errorCode, failpoint, InputError } from '#platform';
import { type Definition, findReplay, replayGroup, shadowName } from './definition.ts';
import { type CopyName, copyKey, type InForce, readInForce, swapsTopic } from './in-force.ts';

export type SwapOptions = {
  readonly log: Log;
  readonly clock: Clock;
  /** The live one, as the code that asks declares it. */
  readonly topology: Topology;
  /** Digest of the requesting process's code: see codeOf. */
  readonly code: string;
  /** What to put in force; 'back': what was in force before. */
  readonly to: { readonly shadow: string } | 'back';
  /** How long what is replaced is kept up to date, ms. */
  readonly keepMs: number;
  /** Takes rows that other code has made: this code goes on with them. */
  readonly adopts: boolean;
  /** Takes state that lacks what the log no longer has. */
  readonly takesPartial: boolean;
  /** Written in the transaction of the swap: who has done it. */
  readonly alongside: readonly (TopicPartition & { readonly records: readonly ProducerRecord[] })[];
};

/** A replay is caught up if it has read within this time what was readable when it was asked, ms. */
const LAG_MS = 1_000;
const POLL_MS = 20;

/**
 * Puts another copy of a topology in force by writing one record, which all responders follow. The copies continue
 * unchanged. Returns whether anything changed. Errors: InputError MR_REPLAY_UNKNOWN, MR_SWAP_OTHER,
 * MR_SWAP_OTHER_CODE, MR_SWAP_PARTIAL, MR_SWAP_BEHIND, MR_SWAP_NOTHING, MR_SWAP_BUSY.
 */
export async function swap(
  options: SwapOptions,
): Promise<{ readonly isChanged: boolean; readonly inForce: InForce }> {
  const { log, topology } = options;
  await log.createTopics([swapsTopic]);
  const of = copyKey(topology);
  // Whoever swaps the same topology meanwhile is refused by the log: what was read here still holds when it is written.
  const [writer, current] = await FencedWriter.openAndRead(log, `swap-${of}`, async () =>
    (await readInForce(log)).get(of),
  );
  try {
    const shadow = wanted(options, current);
    const next = await checked(options, shadow, current);
    if (current !== undefined && shadow === current.shadow && next.code === current.code)
      return { isChanged: false, inForce: current };
    if (current === undefined && shadow === null) return { isChanged: false, inForce: next };
    failpoint('swap.checked');
    const record = { key: Buffer.from(of), value: swapsTopic.value.encode(next), timestamp: next.sinceMs };
    const appends = [{ topic: swapsTopic.name, partition: 0, records: [record] }, ...options.alongside];
    await writer.write({ appends });
    failpoint('swap.written');
    return { isChanged: true, inForce: next };
  } catch (error) {
    if (errorCode(error) !== 'MR_LOG_FENCED') throw error;
    throw new InputError('MR_SWAP_BUSY', `Somebody else swaps ${of}; this swap is not done.`, {
      hint: `See what is in force with "millrace swap ${topology.name}", then decide again.`,
      cause: error,
    });
  } finally {
    await writer.close();
  }
}

function wanted({ to, topology }: SwapOptions, current: InForce | undefined): CopyName {
  if (to !== 'back') return to.shadow;
  if (current !== undefined) return current.previous;
  throw new InputError(
    'MR_SWAP_NOTHING',
    `${topology.name} was never swapped: there is nothing to go back to.`,
    {
      hint: 'Put a replay in force first: "millrace swap LIVE SHADOW".',
    },
  );
}

async function checked(
  options: SwapOptions,
  shadow: CopyName,
  current: InForce | undefined,
): Promise<InForce> {
  const { topology, clock, keepMs } = options;
  const sinceMs = clock.now();
  const before = current?.shadow ?? null;
  const kept = (current?.kept ?? []).filter((each) => each.shadow !== shadow);
  if (current !== undefined && before !== null && before !== shadow)
    kept.push({ shadow: before, code: current.code, untilMs: sinceMs + keepMs });
  const previous = before === shadow ? (current?.previous ?? null) : before;
  const next = { of: copyKey(topology), shadow, sinceMs, previous, kept };
  if (shadow === null) return { ...next, topics: {}, code: '' };
  const definition = await findReplay(options.log, shadow);
  const copy = fitting(options, definition, current);
  await requireCaughtUp(options, definition, copy);
  // Only what is read by name: the rest is the topology's own.
  const topics = Array.from(copy.topics).filter(([name]) => !name.startsWith(`${copyKey(topology)}-`));
  return { ...next, topics: Object.fromEntries(topics), code: options.code };
}

/** The copy that a replay is. Refuses one whose rows are not those that the live copy should have. */
function fitting(options: SwapOptions, definition: Definition, current: InForce | undefined): Shadow {
  const { topology, code, adopts, takesPartial } = options;
  const { name } = definition;
  if (definition.topology !== topology.name || definition.generation !== topology.generation) {
    const of = `${definition.topology}, generation ${definition.generation}`;
    throw new InputError(
      'MR_SWAP_OTHER',
      `${name} is a replay of ${of}, not of ${topology.name}, generation ${topology.generation}.`,
      { hint: 'Replay this topology with this release, under another name, and swap that.' },
    );
  }
  // Rows that were adopted before are those of the code that has.
  const adopted = current?.shadow === name ? current : current?.kept.find(({ shadow }) => shadow === name);
  const made = (adopted ?? definition).code;
  if (made !== code && !adopts)
    throw new InputError('MR_SWAP_OTHER_CODE', `${name} was made by other code than this.`, {
      hint: `Run the swap by the release and with the modules that have made it, which are to be deployed with it; or, if this code can go on with its rows, add --adopt.`,
    });
  if (definition.ends.length > 0 || definition.range.from !== undefined)
    throw new InputError('MR_SWAP_PARTIAL', `${name} was made of a part of the log: it has --from or --to.`, {
      hint: 'Replay from the beginning, under another name, and swap that.',
    });
  const copy = shadowOf(topology, { name: shadowName(name), withArrival: definition.withArrival });
  const lacking = lackingInputs(definition, copy);
  if (lacking.length > 0 && !takesPartial)
    throw new InputError(
      'MR_SWAP_PARTIAL',
      `${name} lacks what the log no longer has: ${lacking.join('; ')}.`,
      {
        hint: 'If the state may do without it, add --partial.',
      },
    );
  return copy;
}

function lackingInputs({ starts }: Definition, { inputs }: Shadow): readonly string[] {
  const whole = new Set(
    inputs.flatMap(({ topic, isTable }) =>
      isTable || topic.cleanup.policy === 'compact' ? [] : [topic.name],
    ),
  );
  return starts
    .filter(({ topic, offset }) => whole.has(topic) && offset > 0)
    .map(({ topic, partition, offset }) => `${topic}/${partition} offsets 0 to ${offset - 1}`);
}

/** Waits for a second that what is readable now is read and committed. */
async function requireCaughtUp(
  { log, clock }: SwapOptions,
  definition: Definition,
  { topology }: Shadow,
): Promise<void> {
  const sources = topology.subTopologies.flatMap((each) => each.sources);
  // What waits for its time is not late.
  const names = sources.filter(({ release }) => release === 'on-arrival').map(({ topic }) => topic.name);
  const described = await log.describeTopics([...new Set(names)]);
  const ends = described.flatMap(({ name: topic, offsets }) =>
    offsets.map(({ start, stable }, partition) => ({ topic, partition, start, stable })),
  );
  const until = clock.monotonic() + LAG_MS;
  for (;;) {
    const behind = await unread(log, definition, ends);
    if (behind === 0) return;
    if (clock.monotonic() > until)
      throw new InputError(
        'MR_SWAP_BEHIND',
        `${definition.name} is behind: ${behind} of the records of its inputs are to be read.`,
        {
          hint: `Run "millrace replay" with --into ${definition.name} until it is ready, and swap while it runs.`,
        },
      );
    await clock.sleep(POLL_MS);
  }
}

type End = TopicPartition & { readonly start: number; readonly stable: number };

async function unread(log: Log, definition: Definition, ends: readonly End[]): Promise<number> {
  const committed = await log.committedOffsets(replayGroup(definition), ends);
  return ends.reduce((sum, { start, stable }, i) => {
    return sum + Math.max(0, stable - Math.max(start, committed[i]?.offset ?? start));
  }, 0);
}
