import { NO_WATERMARK } from './watermark.ts';

/**
 * The watermark at one point of a task's graph over one batch: `at[i]` when record i reaches that point, and
 * `at[steps]` after the batch. A batch without records is one step of time alone. Values never go back.
 */
export class Timeline {
  at = new Float64Array(2).fill(NO_WATERMARK);
  steps = 1;
  /** How many steps of the batch are filled in. */
  #filled = 1;

  /** Where it has come to. */
  get last(): number {
    return this.at[this.#filled] as number;
  }

  /** Where a task that opens finds it. */
  startAt(ms: number): void {
    this.at.fill(ms);
  }

  /** Starts a batch from where the one before ended. */
  begin(): void {
    this.at[0] = this.last;
    this.#filled = 0;
  }

  /** The watermark after `step` steps of the batch is `ms`; until then it stood still. */
  reach(step: number, ms: number): void {
    this.reserve(step);
    if (step > this.#filled + 1) this.at.fill(this.last, this.#filled + 1, step);
    this.at[step] = ms;
    this.#filled = step;
  }

  /** The batch has `steps` steps, the last of which leads to `ms` unless it has been reached. */
  end(steps: number, ms: number): void {
    this.steps = steps;
    if (this.#filled < steps) this.reach(steps, ms);
  }

  /** Everything that feeds this point has run: `at` is about to be read. */
  settle(): void {}

  protected reserve(steps: number): void {
    if (steps < this.at.length) return;
    const { at } = this;
    this.at = new Float64Array(2 * (steps + 1));
    this.at.set(at);
  }
}

/** The least of several timelines: the watermark of an operator with several inputs. */
class LeastTimeline extends Timeline {
  readonly #inputs: readonly Timeline[];

  constructor(inputs: readonly Timeline[]) {
    super();
    this.#inputs = inputs;
  }

  override get last(): number {
    let least = Number.POSITIVE_INFINITY;
    for (const { last } of this.#inputs) if (last < least) least = last;
    return least;
  }

  override settle(): void {
    for (const input of this.#inputs) input.settle();
    const { steps } = this.#inputs[0] as Timeline;
    this.reserve(steps);
    this.steps = steps;
    for (let step = 0; step <= steps; step++) {
      let least = Number.POSITIVE_INFINITY;
      for (const { at } of this.#inputs) if ((at[step] as number) < least) least = at[step] as number;
      this.at[step] = least;
    }
  }
}

/** The one timeline of an operator that has these before it. */
export function leastOf(inputs: readonly Timeline[]): Timeline {
  const [first, ...others] = new Set(inputs);
  return first !== undefined && others.length === 0 ? first : new LeastTimeline([...new Set(inputs)]);
}
