import { type Checkpoint, type CheckpointArray, type Json, unusable } from '../../checkpoint.ts';
import type { TrainedModel } from '../../model.ts';
import type { Training } from '../../training.ts';

/** A training that comes after others, whose results it is opened with. */
export type Phase = {
  readonly steps: number;
  open(before: readonly TrainedModel[]): Promise<Training<TrainedModel>>;
  /** Releases what waits for its turn, which may not come. */
  close?(): Promise<void>;
};

/** The training that the others are for. */
export type LastPhase<Result> = {
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  open(before: readonly TrainedModel[]): Promise<Training<Result>>;
};

/** Makes the version of what the phases before, and the last one, have come to. */
type Finish<Result> = (before: readonly TrainedModel[], last: Result) => Promise<TrainedModel>;

/**
 * Trainings one after the other as one. Its epochs are those of the last, so that early stopping stops that one; the steps of
 * the others come before the first epoch. A checkpoint holds what the ended ones have come to, and the state of the one
 * under way.
 */
export class PhasedTraining<Result> implements Training<TrainedModel> {
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  readonly stepsBefore: number;
  readonly provider: string;
  readonly fallbackReason: string | undefined;
  readonly #phases: readonly Phase[];
  readonly #last: LastPhase<Result>;
  readonly #finish: Finish<Result>;
  readonly #results: Ended[] = [];
  /** That of the last phase when all others have ended. */
  #current: Training<TrainedModel> | Training<Result>;
  /** Steps of the current phase. */
  #steps = 0;
  #restored: Checkpoint | undefined;

  private constructor(
    phases: readonly Phase[],
    last: LastPhase<Result>,
    finish: Finish<Result>,
    first: Training<TrainedModel> | Training<Result>,
  ) {
    this.#phases = phases;
    this.#last = last;
    this.#finish = finish;
    this.#current = first;
    this.epochs = last.epochs;
    this.stepsPerEpoch = last.stepsPerEpoch;
    this.stepsBefore = phases.reduce((sum, { steps }) => sum + steps, 0);
    this.provider = first.provider;
    this.fallbackReason = first.fallbackReason;
  }

  static async open<Result>(
    phases: readonly Phase[],
    last: LastPhase<Result>,
    finish: Finish<Result>,
  ): Promise<PhasedTraining<Result>> {
    return new PhasedTraining(phases, last, finish, await (phases[0] ?? last).open([]));
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
    const ended = this.#results.map(({ result: { dimension, files }, words }, phase) => ({
      dimension,
      files: Object.entries(files).map(([name, bytes]) => {
        arrays.set(`ended/${phase}/${name}`, words.get(name) as Uint32Array);
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
      this.#results.push(endedWith({ dimension, files: Object.fromEntries(contents) }));
    });
    const own = [...arrays].flatMap(([name, array]) =>
      name.startsWith('current/') ? [[name.slice('current/'.length), array] as const] : [],
    );
    this.#restored = { arrays: new Map(own), values: current };
    this.#steps = steps;
  }

  async result(): Promise<TrainedModel> {
    await this.#goOn();
    const last = (await this.#current.result()) as Result;
    return this.#finish(this.#before(), last);
  }

  async close(): Promise<void> {
    await Promise.all([this.#current.close(), ...this.#phases.map(async (phase) => phase.close?.())]);
  }

  /** What a checkpoint must fit; phases under way look at their own part. */
  #shape(): string {
    return [...this.#phases.map(({ steps }) => steps), this.epochs, this.stepsPerEpoch].join(' ');
  }

  #before(): readonly TrainedModel[] {
    return this.#results.map(({ result }) => result);
  }

  /** Opens the phase that is due: of a checkpoint, or after the last step of another one. */
  async #goOn(): Promise<void> {
    if (this.#restored !== undefined) {
      await this.#open(this.#results.length);
      this.#current.restore(this.#restored);
      this.#restored = undefined;
    }
    const place = this.#results.length;
    const phase = this.#phases[place];
    if (phase === undefined || this.#steps < phase.steps) return;
    this.#results.push(endedWith((await this.#current.result()) as TrainedModel));
    await this.#open(place + 1);
    this.#steps = 0;
  }

  async #open(place: number): Promise<void> {
    await this.#current.close();
    // A checkpoint leaps over phases.
    await Promise.all(this.#phases.slice(0, place).map(async (phase) => phase.close?.()));
    this.#current = await (this.#phases[place] ?? this.#last).open(this.#before());
  }
}

/** What a phase has come to; `words` are its files as checkpoints hold them, made once for all of them. */
type Ended = { readonly result: TrainedModel; readonly words: ReadonlyMap<string, Uint32Array> };

function endedWith(result: TrainedModel): Ended {
  const words = Object.entries(result.files).map(([name, bytes]) => [name, wordsOf(bytes)] as const);
  return { result, words: new Map(words) };
}

/** Checkpoints hold numbers: the bytes as such of four, filled up with zeros. */
function wordsOf(bytes: Uint8Array): Uint32Array {
  const words = new Uint32Array(Math.ceil(bytes.length / 4));
  new Uint8Array(words.buffer).set(bytes);
  return words;
}
