import type { Header, RecordBatch } from '#log';

const HEADER = 'mr-watermark';
const HEADER_BYTES = 16;
const MAX_WRITERS = 10_000;

/** Before anything is known. */
export const NO_WATERMARK = Number.NEGATIVE_INFINITY;

/** A watermark on its way through a topic: which of how many writers of that partition says so. */
export type CarriedWatermark = { readonly writer: number; readonly writers: number; readonly ms: number };

export function watermarkHeader({ writer, writers, ms }: CarriedWatermark): Header {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES);
  bytes.writeUInt32BE(writer, 0);
  bytes.writeUInt32BE(writers, 4);
  bytes.writeDoubleBE(ms, 8);
  return [HEADER, bytes];
}

export function isWatermarkHeader([name]: Header): boolean {
  return name === HEADER;
}

export function readWatermarkHeader(batch: RecordBatch, index: number): CarriedWatermark | undefined {
  if (batch.isPlain) return undefined;
  for (const [name, value] of batch.headers(index)) {
    if (name !== HEADER || value.length !== HEADER_BYTES) continue;
    const carried = {
      writer: value.readUInt32BE(0),
      writers: value.readUInt32BE(4),
      ms: value.readDoubleBE(8),
    };
    // Anyone can write a header: one that no topology would write says nothing.
    if (Number.isFinite(carried.ms) && carried.writer < carried.writers && carried.writers <= MAX_WRITERS)
      return carried;
  }
  return undefined;
}

/** A record that carries a watermark and nothing else. */
export function isHeartbeat(batch: RecordBatch, index: number): boolean {
  return !batch.isPlain && batch.isEmpty(index);
}

/** What is kept of a watermark over a restart, in the metadata of the committed offset. */
export type WatermarkState = {
  readonly newest: number | null;
  readonly carried: readonly (number | null)[];
  /** How far operators have seen it, where it had moved on since. */
  readonly seen?: number | null;
};

/**
 * The watermark of one input partition. Where topologies write it, the least of what its writers have announced,
 * once all have spoken (Flink's rule for several channels). Where producers outside do, the newest timestamp less
 * a bound on how far out of order they are, or what a producer announces, whichever is later.
 */
export class PartitionWatermark {
  readonly #outOfOrderMs: number | undefined;
  #newest = NO_WATERMARK;
  /** The last announcement of each writer, and the least of them. */
  #carried: number[] = [];
  #announced = NO_WATERMARK;
  #followed: number | undefined;

  constructor(outOfOrderMs: number | undefined) {
    this.#outOfOrderMs = outOfOrderMs;
  }

  observe(timestamp: number): void {
    if (timestamp > this.#newest) this.#newest = timestamp;
  }

  announce({ writer, writers, ms }: CarriedWatermark): void {
    while (this.#carried.length < writers) this.#carried.push(NO_WATERMARK);
    this.#carried[writer] = Math.max(this.#carried[writer] ?? NO_WATERMARK, ms);
    this.#announced = Math.min(...this.#carried);
  }

  /** The newest timestamp seen. */
  get newest(): number {
    return this.#newest;
  }

  get value(): number {
    if (this.#outOfOrderMs === undefined) return this.#announced;
    return Math.max(this.#announced, this.#newest - this.#outOfOrderMs);
  }

  /** Where producers outside have nothing to send: raises the watermark as if one had announced it. */
  followWallClock(now: number): void {
    if (this.#outOfOrderMs !== undefined) {
      this.announce({ writer: 0, writers: 1, ms: now - this.#outOfOrderMs });
      this.#followed = Math.max(now, this.#followed ?? now);
    }
  }

  /** The latest wall-clock time that it has followed since this was last asked: a replay has to do the same. */
  takeFollowed(): number | undefined {
    const followed = this.#followed;
    this.#followed = undefined;
    return followed;
  }

  save(): WatermarkState {
    return {
      newest: Number.isFinite(this.#newest) ? this.#newest : null,
      carried: this.#carried.map((ms) => (Number.isFinite(ms) ? ms : null)),
    };
  }

  restore(state: WatermarkState): void {
    this.#newest = state.newest ?? NO_WATERMARK;
    this.#carried = state.carried.map((ms) => ms ?? NO_WATERMARK);
    if (this.#carried.length > 0) this.#announced = Math.min(...this.#carried);
  }
}
