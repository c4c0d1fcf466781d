import { invariant } from '#platform';
import { type Checkpoint, type CheckpointArray, type Json, unusable } from '../checkpoint.ts';
import type { Training, TrainingMetrics } from '../training.ts';

type Saved = { readonly step: number; readonly parts: readonly Json[] };

/**
 * Trainings of equally many epochs as one: an epoch has all steps of the first one's epoch, then of the next one's. So
 * stopping early stops all after the same epoch. The first one is validated.
 */
export class SideBySide<Result> implements Training<readonly Result[]> {
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  readonly provider: string;
  readonly fallbackReason: string | undefined;
  readonly #parts: readonly Training<Result>[];
  #step = 0;

  constructor(parts: readonly Training<Result>[]) {
    const [first] = parts;
    invariant(first !== undefined, 'there is a training');
    this.#parts = parts;
    this.epochs = first.epochs;
    this.stepsPerEpoch = parts.reduce((sum, { stepsPerEpoch }) => sum + stepsPerEpoch, 0);
    this.provider = first.provider;
    this.fallbackReason = first.fallbackReason;
  }

  async step(): Promise<{ readonly loss: number }> {
    let inEpoch = this.#step % this.stepsPerEpoch;
    const part = this.#parts.find(({ stepsPerEpoch }) => {
      if (inEpoch < stepsPerEpoch) return true;
      inEpoch -= stepsPerEpoch;
      return false;
    });
    this.#step++;
    return (part as Training<Result>).step();
  }

  validate(): Promise<TrainingMetrics | undefined> {
    return (this.#parts[0] as Training<Result>).validate();
  }

  save(): Checkpoint {
    const arrays = new Map<string, CheckpointArray>();
    const parts = this.#parts.map((part, place) => {
      const { arrays: own, values } = part.save();
      for (const [name, array] of own) arrays.set(`${place}/${name}`, array);
      return values;
    });
    return { arrays, values: { step: this.#step, parts } satisfies Saved };
  }

  restore({ arrays, values }: Checkpoint): void {
    const { step, parts } = (values ?? {}) as Partial<Saved>;
    if (step === undefined || parts?.length !== this.#parts.length) {
      throw unusable(`it is not of ${this.#parts.length} trainings`);
    }
    this.#parts.forEach((part, place) => {
      const prefix = `${place}/`;
      const own = [...arrays].flatMap(([name, array]) =>
        name.startsWith(prefix) ? [[name.slice(prefix.length), array] as const] : [],
      );
      part.restore({ arrays: new Map(own), values: parts[place] as Json });
    });
    this.#step = step;
  }

  async result(): Promise<readonly Result[]> {
    const results: Result[] = [];
    for (const part of this.#parts) results.push(await part.result());
    return results;
  }

  async close(): Promise<void> {
    await Promise.all(this.#parts.map((part) => part.close()));
  }
}
