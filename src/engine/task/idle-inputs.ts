import type { SourceNode } from '../topology/node.ts';
import type { InputPartition } from './input.ts';
import type { Task } from './task.ts';

/** How long a caught-up input of a live world stays silent before its watermark follows the wall clock. */
const IDLE_MS = 5_000;
/** A world is live while its newest event is this close to the wall clock. */
const LIVE_WITHIN_MS = 3_600_000;

/**
 * In a live world a partition where nothing happens would hold back everybody's watermark; once it has been silent
 * for a while, its watermark follows the wall clock. In an imported world time stands still instead.
 */
export class IdleInputs {
  /** Wall-clock time at which an input last gave records, or was last moved on. */
  readonly #lastMoved = new WeakMap<InputPartition, number>();

  sawRecords(input: InputPartition, now: number): void {
    this.#lastMoved.set(input, now);
  }

  followWallClock(tasks: readonly Task[], now: number): void {
    const inputs = tasks.flatMap((task) => task.input.partitions);
    const newest = new Map<SourceNode, number>();
    for (const { node, watermark } of inputs) {
      newest.set(node, Math.max(newest.get(node) ?? 0, watermark.newest));
    }
    for (const input of inputs) {
      const isLive = (newest.get(input.node) ?? 0) >= now - LIVE_WITHIN_MS;
      const lastMoved = this.#lastMoved.get(input);
      // First seen: how long it has been silent is not known, so the silence begins now.
      if (lastMoved === undefined) this.#lastMoved.set(input, now);
      const isSilent = lastMoved !== undefined && now - lastMoved >= IDLE_MS;
      if (!isLive || !isSilent || !input.fetchedAll || input.bufferedRecords > 0) continue;
      input.watermark.followWallClock(now);
      this.#lastMoved.set(input, now);
    }
  }
}
