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
};

/** The user side of a trained two-tower model, for serving. Its runs block the thread. */
export class UserEncoder {
  readonly dim: number;
  readonly historyLength: number;
  readonly profileFeatures: number;
  readonly #session: Session;

  private constructor(session: Session, dim: number, historyLength: number, profileFeatures: number) {
    this.#session = session;
    this.dim = dim;
    this.historyLength = historyLength;
    this.profileFeatures = profileFeatures;
  }

  /** From the user tower's ONNX file, or its bytes; MR_MODEL_UNREADABLE when it is damaged or something else. */
  static async load(source: Uint8Array | string): Promise<UserEncoder> {
    const session = await Session.create(typeof source === 'string' ? await readFile(source) : source);
    try {
      const dim = session.shapeOf('vector')[1] as number;
      const historyLength = session.shapeOf('history')[1] as number;
      const profileFeatures = session.shapeOf('profile')[1] as number;
      return new UserEncoder(session, dim, historyLength, profileFeatures);
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** Vectors of length 1, [B, dim]. An id that the model does not have is MR_MODEL_INPUT. */
  async encode({ users, histories, profile }: UserBatch): Promise<Float32Array> {
    const count = users.length;
    if (histories.length !== count || profile.length !== count * this.profileFeatures) {
      throw new InputError(
        'MR_MODEL_INPUT',
        `${count} users with ${histories.length} histories and ${profile.length} profile values`,
        { hint: `Each user has a history and ${this.profileFeatures} profile values.` },
      );
    }
    const history = new Int32Array(count * this.historyLength).fill(-1);
    histories.forEach((items, row) => {
      const length = Math.min(items.length, this.historyLength);
      for (let i = 0; i < length; i++) history[row * this.historyLength + i] = items[i] as number;
    });
    const outputs = await this.#session.run({
      user: { data: toInt64(users), shape: [count] },
      history: { data: toInt64(history), shape: [count, this.historyLength] },
      profile: { data: toInt64(profile), shape: [count, this.profileFeatures] },
    });
    return outputs.vector as Float32Array;
  }

  async close(): Promise<void> {
    await this.#session.close();
  }
}
