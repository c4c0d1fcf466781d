import type { Serving, UserEncoding, UserInput, VersionContents } from '#models';
import { HandedOver, type Metrics } from '#platform';
import { InferenceThread, NAMED } from './inference-thread.ts';
import { ended, failure } from './model-thread.ts';

/** The user side of a model, in memory. */
export interface UserVectors {
  /** Length of the vectors. */
  readonly dimension: number;
  /** The user's vector. Rejects with FatalError when the model refuses it, or has ended. */
  encode(input: UserInput): Promise<Float32Array>;
  /** Resolves with the reason when it ends by itself. */
  readonly died: Promise<Error>;
  /** Answers what was asked, then ends. */
  close(): Promise<void>;
}

/** In a thread of its own, unless it is quicker than the way there. FatalError with the model's code when it can't be loaded. */
export async function openUserVectors(
  { model, serving }: { readonly model: string; readonly serving: Serving },
  files: VersionContents,
  metrics: Metrics,
): Promise<UserVectors> {
  if (serving.kind === 'vectors' && serving.isQuick?.(files) === true) {
    try {
      return new VectorsHere(await serving.encoder(files));
    } catch (error) {
      throw failure(NAMED, error);
    }
  }
  return InferenceThread.start({ model, files }, metrics, HandedOver.whole(files).moved);
}

class VectorsHere implements UserVectors {
  readonly died = new Promise<Error>(() => {});
  readonly #encoder: UserEncoding;
  #isClosed = false;

  constructor(encoder: UserEncoding) {
    this.#encoder = encoder;
  }

  get dimension(): number {
    return this.#encoder.dim;
  }

  async encode(input: UserInput): Promise<Float32Array> {
    if (this.#isClosed) throw ended(NAMED);
    try {
      return await this.#encoder.encode([input]);
    } catch (error) {
      throw failure(NAMED, error);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#encoder.close();
  }
}
