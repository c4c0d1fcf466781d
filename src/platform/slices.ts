import { setImmediate } from 'node:timers/promises';

/**
 * Cuts long work into slices, so that requests wait for one of them at most:
 *
 *     for (const item of items) {
 *       work(item);
 *       if (slices.isOver) await slices.yield();
 *     }
 */
export class Slices {
  readonly #ms: number;
  #endsMs: number;

  /** `ms`: how long others may wait. */
  constructor(ms: number) {
    this.#ms = ms;
    this.#endsMs = performance.now() + ms;
  }

  get isOver(): boolean {
    return performance.now() >= this.#endsMs;
  }

  /** Lets others run, and begins the next slice. */
  async yield(): Promise<void> {
    await setImmediate();
    this.#endsMs = performance.now() + this.#ms;
  }
}
