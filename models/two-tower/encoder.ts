import { readFile } from 'node:fs/promises';
import { InputError } from '#platform';
import { Session, toInt64 } from '../graph/session.ts';

/** Users to be embedded: row b of each part belongs to user b. */
export type UserBatch = {
  /** Dense ids; 0 for a user who was not trained. */
  readonly users: Int32Array;
  /** Dense ids of the items that each user had, newest first; of any length, cut where the model looks no further. */
  readonly histories: readonly ArrayLike<number>[];
  /** Values of the profile's features, [B, P]. */
  readonly profile: Int32Array;
  /** Values of the moment's features, [B, C]; unknown when absent. A model that knows none of them reads none. */
  readonly context?: Int32Array;
};

/** The user side of a trained two-tower model, for serving. Its runs block the thread. */
export class UserEncoder {
  readonly dim: number;
  readonly historyLength: number;
  readonly profileFeatures: number;
  /** 0 where the model knows no context. */
  readonly contextFeatures: number;
  readonly #session: Session;

  private constructor(session: Session) {
    this.#session = session;
    this.dim = session.shapeOf('vector')[1] as number;
    this.historyLength = session.shapeOf('history')[1] as number;
    this.profileFeatures = session.shapeOf('profile')[1] as number;
    this.contextFeatures = session.inputs.includes('context') ? (session.shapeOf('context')[1] as number) : 0;
  }

  /** From the user tower's ONNX file, or its bytes; MR_MODEL_UNREADABLE when it is damaged or something else. */
  static async load(source: Uint8Array | string): Promise<UserEncoder> {
    const session = await Session.create(typeof source === 'string' ? await readFile(source) : source);
    try {
      return new UserEncoder(session);
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** Vectors of length 1, [B, dim]. An id that the model does not have is MR_MODEL_INPUT. */
  async encode(batch: UserBatch): Promise<Float32Array> {
    const { users, histories, profile } = batch;
    const count = users.length;
    const given = this.contextFeatures === 0 ? undefined : batch.context;
    const context = given ?? new Int32Array(count * this.contextFeatures);
    this.#checkSizes({ users, histories, profile, context });
    const history = new Int32Array(count * this.historyLength).fill(-1);
    histories.forEach((items, row) => {
      const length = Math.min(items.length, this.historyLength);
      for (let i = 0; i < length; i++) history[row * this.historyLength + i] = items[i] as number;
    });
    const outputs = await this.#session.run({
      user: { data: toInt64(users), shape: [count] },
      history: { data: toInt64(history), shape: [count, this.historyLength] },
      profile: { data: toInt64(profile), shape: [count, this.profileFeatures] },
      ...(this.contextFeatures > 0 && {
        context: { data: toInt64(context), shape: [count, this.contextFeatures] },
      }),
    });
    return outputs.vector as Float32Array;
  }

  #checkSizes({ users, histories, profile, context }: Required<UserBatch>): void {
    const { length: count } = users;
    const { profileFeatures, contextFeatures } = this;
    const isWhole = profile.length === count * profileFeatures && context.length === count * contextFeatures;
    if (isWhole && histories.length === count) return;
    throw new InputError(
      'MR_MODEL_INPUT',
      `${count} users with ${histories.length} histories, ${profile.length} profile and ${context.length} context values`,
      {
        hint: `Each user has a history, ${profileFeatures} profile values and ${contextFeatures} of context.`,
      },
    );
  }

  async close(): Promise<void> {
    await this.#session.close();
  }
}
