import type { StreamsRuntime } from '../runtime.ts';

/** Lets others wait until a runtime has processed all that was readable when they asked. */
export class CatchUp {
  #waiting: (() => void)[] = [];
  /** Asked since the last round began: what they ask about may have come after its fetch. */
  #asked: (() => void)[] = [];

  /** Resolves at the end of the first round that began after this call and found nothing left to do. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#asked.push(resolve));
  }

  /** To be called after each round. */
  observe(runtime: Pick<StreamsRuntime, 'isCaughtUp'>): void {
    if (runtime.isCaughtUp) for (const resolve of this.#waiting.splice(0)) resolve();
    this.#waiting.push(...this.#asked.splice(0));
  }
}
