import { invariant } from '#platform';
import { type Checkpoint, type CheckpointArray, type Json, unusable } from '../../checkpoint.ts';
import type { TrainedModel } from '../../model.ts';
import type { Training } from '../../training.ts';

/** A training that comes after others, whose results it is opened with. */
export type Phase = {
  readonly steps: number;
  open(before: readonly TrainedModel[]): Promise<Training<TrainedModel>>;
};

type Finish = (results: readonly TrainedModel[]) => Promise<TrainedModel>;

/**
 * Trainings one after the other as one: an epoch of all their steps. A checkpoint holds what the ended ones have come to,
 * and the state of the one under way.
 */
export class PhasedTraining implements Training<TrainedModel> {
  readonly epochs = 1;
  readonly stepsPerEpoch: number;
  readonly provider: string;
  readonly fallbackReason: string | undefined;
  readonly #phases: readonly Phase[];
  readonly #finish: Finish;
  readonly #results: TrainedModel[] = [];
  #current: Training<TrainedModel>;
  /** Steps of the current phase. */
  #steps = 0;
  #restored: Checkpoint | undefined;

  private constructor(phases: readonly Phase[], finish: Finish, first: Training<TrainedModel>) {
    this.#phases = phases;
    this.#finish = finish;
    this.#current = first;
    this.stepsPerEpoch = phases.reduce((sum, { steps }) => sum + steps, 0);
    this.provider = first.provider;
    this.fallbackReason = first.fallbackReason;
  }

  /** `finish` makes the version of what all phases have come to. */
  static async open(phases: readonly Phase[], finish: Finish): Promise<PhasedTraining> {
    const [first] = phases;
    invariant(first !== undefined, 'there is a training to be done');
    return new PhasedTraining(phases, finish, await first.open([]));
  }

  async step(): Promise<{ readonly loss: number }> {
    await this.#goOn();
    this.#steps++;
    return this.#current.step();
  }

  async validate(): ReturnType<Training<TrainedModel>['validate']> {
    return this.#current.validate();
  }

  save(): Checkpoint {
    const arrays = new Map<string, CheckpointArray>();
    const { arrays: own, values } = this.#restored ?? this.#current.save();
    for (const [name, array] of own) arrays.set(`current/${name}`, array);
    const ended = this.#results.map(({ dimension, files }, phase) => ({
      dimension,
      files: Object.entries(files).map(([name, bytes]) => {
        arrays.set(`ended/${phase}/${name}`, wordsOf(bytes));
        return { name, bytes: bytes.length };
      }),
    }));
    return { arrays, values: { phases: this.#shape(), steps: this.#steps, ended, current: values } };
  }

  /** What is restored is opened at the next step. */
  restore({ arrays, values }: Checkpoint): void {
    const { phases, steps, ended, current } = values as unknown as {
      readonly phases: string;
      readonly steps: number;
      readonly ended: readonly {
        readonly dimension: number;
        readonly files: readonly { readonly name: string; readonly bytes: number }[];
      }[];
      readonly current: Json;
    };
    if (phases !== this.#shape()) throw unusable('it belongs to a training of other phases');
    this.#results.splice(0);
    ended.forEach(({ dimension, files }, phase) => {
      const contents = files.map(({ name, bytes }) => {
        const words = arrays.get(`ended/${phase}/${name}`);
        if (words === undefined) throw unusable(`it lacks ${name} of phase ${phase}`);
        return [name, new Uint8Array(words.buffer, words.byteOffset, bytes)] as const;
      });
      this.#results.push({ dimension, files: Object.fromEntries(contents) });
    });
    const own = [...arrays].flatMap(([name, array]) =>
      name.startsWith('current/') ? [[name.slice('current/'.length), array] as const] : [],
    );
    this.#restored = { arrays: new Map(own), values: current };
    this.#steps = steps;
  }

  async result(): Promise<TrainedModel> {
    await this.#goOn();
    return this.#finish([...this.#results, await this.#current.result()]);
  }

  close(): Promise<void> {
    return this.#current.close();
  }

  /** What a checkpoint must fit; phases under way look at their own part. */
  #shape(): string {
    return this.#phases.map(({ steps }) => steps).join(' ');
  }

  /** Opens the phase that is due: of a checkpoint, or after the last step of another one. */
  async #goOn(): Promise<void> {
    if (this.#restored !== undefined) {
      await this.#open(this.#results.length);
      this.#current.restore(this.#restored);
      this.#restored = undefined;
    }
    const place = this.#results.length;
    const isLast = place === this.#phases.length - 1;
    if (isLast || this.#steps < (this.#phases[place] as Phase).steps) return;
    this.#results.push(await this.#current.result());
    await this.#open(place + 1);
    this.#steps = 0;
  }

  async #open(place: number): Promise<void> {
    await this.#current.close();
    const phase = this.#phases[place];
    invariant(phase !== undefined, 'there is a phase to go on with');
    this.#current = await phase.open(this.#results);
  }
}

/** Checkpoints hold numbers: the bytes as such of four, filled up with zeros. */
function wordsOf(bytes: Uint8Array): Uint32Array {
  const words = new Uint32Array(Math.ceil(bytes.length / 4));
  new Uint8Array(words.buffer).set(bytes);
  return words;
}
