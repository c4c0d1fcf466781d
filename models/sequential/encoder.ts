import { readFile } from 'node:fs/promises';
import { type Feed, Session, toInt64 } from '../graph/session.ts';

/** The user side of a trained sequential model, for serving. Its runs block the thread. */
export class SequentialEncoder {
  readonly dim: number;
  readonly historyLength: number;
  readonly #session: Session;

  private constructor(session: Session, dim: number, historyLength: number) {
    this.#session = session;
    this.dim = dim;
    this.historyLength = historyLength;
  }

  /** From the user tower's ONNX file, or its bytes; MR_MODEL_UNREADABLE when it is damaged or something else. */
  static async load(source: Uint8Array | string): Promise<SequentialEncoder> {
    const bytes = typeof source === 'string' ? await readFile(source) : source;
    const session = await Session.create(bytes);
    try {
      const dim = session.shapeOf('vector')[1] as number;
      const historyLength = session.shapeOf('history')[1] as number;
      return new SequentialEncoder(session, dim, historyLength);
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /**
   * The vectors of users by the items that each had, newest first, of any length: cut where the model looks no further.
   * [users, dim], zeros for an empty history; an id that the model does not have is MR_MODEL_INPUT.
   */
  async encode(histories: readonly ArrayLike<number>[]): Promise<Float32Array> {
    const { vector } = await this.#session.run({ history: historyFeed(histories, this.historyLength) });
    return vector as Float32Array;
  }

  async close(): Promise<void> {
    await this.#session.close();
  }
}

/** Histories, newest first, as the graph wants them: [B, length], cut there, or filled up with -1. */
export function historyFeed(histories: readonly ArrayLike<number>[], length: number): Feed {
  const ids = new Int32Array(histories.length * length).fill(-1);
  histories.forEach((items, row) => {
    for (let i = 0; i < Math.min(length, items.length); i++) ids[row * length + i] = items[i] as number;
  });
  return { data: toInt64(ids), shape: [histories.length, length] };
}
