import type { StreamsRuntime } from '#engine';

/**
 * Notices when a runtime has caught up. One look is not enough: what a stage has just committed is input that the
 * next one has not fetched. A round is quiet when it began and ended with nothing to do and no input moved in it;
 * then nothing readable at its beginning is unprocessed in any stage.
 */
export class CatchUp {
  #waiting: (() => void)[] = [];
  /** Asked since the last round began: what they ask about may have come after its fetch. */
  #asked: (() => void)[] = [];
  #before: string | undefined;

  /** Resolves at the end of the first quiet round that began after this call. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#asked.push(resolve));
  }

  /** To be called after each round. */
  observe(runtime: Pick<StreamsRuntime, 'isCaughtUp' | 'tasks'>): void {
    const after = runtime.isCaughtUp ? positionsOf(runtime) : undefined;
    if (after !== undefined && after === this.#before) {
      for (const resolve of this.#waiting.splice(0)) resolve();
    }
    this.#before = after;
    this.#waiting.push(...this.#asked.splice(0));
  }
}

function positionsOf({ tasks }: Pick<StreamsRuntime, 'tasks'>): string {
  return tasks.map(({ input }) => input.partitions.map(({ position }) => position).join()).join(';');
}
