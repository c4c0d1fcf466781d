import type { Log } from '#log';
import type { Clock } from '#platform';
import type { SourceNode } from '../../topology/node.ts';
import type { FedTask } from './fetching.ts';
import type { InputPartition } from './input.ts';

/** How long a caught-up input of a live world stays silent before its watermark follows the wall clock. */
const IDLE_MS = 5_000;
/** A world is live while its newest event is this close to the wall clock. */
const LIVE_WITHIN_MS = 3_600_000;
/** How often the log is asked whether a topic is live in partitions that others read. */
const ASK_AGAIN_MS = 60_000;

type World = {
  readonly clock: Clock;
  readonly log: Pick<Log, 'describeTopics' | 'offsetForTimestamp'>;
  /** An input that tasks still wait for has not fallen silent. */
  readonly idleWaitMs: number;
};

/**
 * In a live world a partition where nothing happens would hold back everybody's watermark; once it has been silent
 * for a while, its watermark follows the wall clock. In an imported world time stands still instead.
 */
export class IdleInputs {
  /** Wall-clock time at which an input last gave records, or was last moved on. */
  readonly #lastMoved = new WeakMap<InputPartition, number>();
  readonly #elsewhere = new Map<SourceNode, { readonly askedAt: number; readonly isLive: boolean }>();

  sawRecords(input: InputPartition, now: number): void {
    this.#lastMoved.set(input, now);
  }

  async followWallClock(tasks: readonly FedTask[], world: World): Promise<void> {
    const now = world.clock.now();
    const silentAfterMs = Math.max(IDLE_MS, world.idleWaitMs);
    const inputs = tasks.flatMap(({ input, partition }) =>
      input.partitions.map((each) => ({ input: each, partition })),
    );
    const newest = new Map<SourceNode, number>();
    for (const { input } of inputs) {
      newest.set(input.node, Math.max(newest.get(input.node) ?? 0, input.watermark.newest));
    }
    const silent: PlacedInput[] = [];
    for (const { input, partition } of inputs) {
      const lastMoved = this.#lastMoved.get(input);
      // First seen: how long it has been silent is not known, so the silence begins now.
      if (lastMoved === undefined) this.#lastMoved.set(input, now);
      const isSilent = lastMoved !== undefined && now - lastMoved >= silentAfterMs;
      if (!isSilent || !input.fetchedAll || input.bufferedRecords > 0) continue;
      const isLiveHere = (newest.get(input.node) ?? 0) >= now - LIVE_WITHIN_MS;
      if (isLiveHere || (await this.#isLiveElsewhere(input.node, world))) silent.push({ input, partition });
    }
    for (const input of await readToTheEnd(silent, world)) {
      input.watermark.followWallClock(now);
      this.#lastMoved.set(input, now);
    }
  }

  /** Whether any partition has a recent event: where tasks are spread, the busy ones may all be another member's. */
  async #isLiveElsewhere(node: SourceNode, { clock, log }: World): Promise<boolean> {
    if (node.watermark === 'carried') return false;
    const known = this.#elsewhere.get(node);
    if (known !== undefined && clock.monotonic() - known.askedAt < ASK_AGAIN_MS) return known.isLive;
    const topic = node.topic.name;
    const [description] = await log.describeTopics([topic]);
    let isLive = false;
    for (const [partition, { stable }] of (description?.offsets ?? []).entries()) {
      const recent = await log.offsetForTimestamp({ topic, partition }, clock.now() - LIVE_WITHIN_MS);
      isLive ||= recent < stable;
    }
    this.#elsewhere.set(node, { askedAt: clock.monotonic(), isLive });
    return isLive;
  }
}

type PlacedInput = { readonly input: InputPartition; readonly partition: number };

/**
 * Those that the log has nothing more for now. The last fetch may have told of their ends before others were written to,
 * whose newest record makes the world a live one: what came to these at the same time is still to be read, and is not late.
 */
async function readToTheEnd(
  placed: readonly PlacedInput[],
  { log }: Pick<World, 'log'>,
): Promise<InputPartition[]> {
  if (placed.length === 0) return [];
  const topics = [...new Set(placed.map(({ input }) => input.node.topic.name))];
  const described = new Map((await log.describeTopics(topics)).map(({ name, offsets }) => [name, offsets]));
  return placed.flatMap(({ input, partition }) => {
    const end = described.get(input.node.topic.name)?.[partition]?.stable;
    return end !== undefined && input.fetchPosition >= end ? [input] : [];
  });
}
