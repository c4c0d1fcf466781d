import { readFile } from 'node:fs/promises';
import { InputError } from '#platform';
import { Session, toInt64 } from '../graph/session.ts';
import { UserTower } from './user-tower.ts';

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

/** The user side of a trained two-tower model, for serving: in plain loops, or by onnxruntime where a file has another form. Its runs block the thread. */
export class UserEncoder {
  readonly dim: number;
  readonly historyLength: number;
  readonly profileFeatures: number;
  /** 0 where the model knows no context. */
  readonly contextFeatures: number;
  readonly #tower: UserTower | Session;

  private constructor(tower: UserTower | Session) {
    this.#tower = tower;
    if (tower instanceof Session) {
      this.dim = tower.shapeOf('vector')[1] as number;
      this.historyLength = tower.shapeOf('history')[1] as number;
      this.profileFeatures = tower.shapeOf('profile')[1] as number;
      this.contextFeatures = tower.inputs.includes('context') ? (tower.shapeOf('context')[1] as number) : 0;
      return;
    }
    this.dim = tower.dim;
    this.historyLength = tower.historyLength;
    this.profileFeatures = tower.profileFeatures;
    this.contextFeatures = tower.contextFeatures;
  }

  /** From the user tower's ONNX file, or its bytes; MR_MODEL_UNREADABLE when it is damaged or something else. */
  static async load(source: Uint8Array | string): Promise<UserEncoder> {
    const file = typeof source === 'string' ? await readFile(source) : source;
    const tower = UserTower.read(file);
    if (tower !== undefined) return new UserEncoder(tower);
    const session = await Session.create(file);
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
    const whole = { users, histories, profile, context };
    this.#checkSizes(whole);
    return this.#tower instanceof Session ? this.#run(this.#tower, whole) : this.#compute(this.#tower, whole);
  }

  #compute(tower: UserTower, { users, histories, profile, context }: Required<UserBatch>): Float32Array {
    const { dim, profileFeatures, contextFeatures } = this;
    const vectors = new Float32Array(users.length * dim);
    for (let row = 0; row < users.length; row++) {
      const own = {
        user: users[row] as number,
        history: histories[row] as ArrayLike<number>,
        profile: profile.subarray(row * profileFeatures, (row + 1) * profileFeatures),
        context: context.subarray(row * contextFeatures, (row + 1) * contextFeatures),
      };
      tower.encode(own, vectors, row * dim);
    }
    return vectors;
  }

  async #run(
    session: Session,
    { users, histories, profile, context }: Required<UserBatch>,
  ): Promise<Float32Array> {
    const { length: count } = users;
    const history = new Int32Array(count * this.historyLength).fill(-1);
    histories.forEach((items, row) => {
      const length = Math.min(items.length, this.historyLength);
      for (let i = 0; i < length; i++) history[row * this.historyLength + i] = items[i] as number;
    });
    const outputs = await session.run({
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
    if (this.#tower instanceof Session) await this.#tower.close();
  }
}
