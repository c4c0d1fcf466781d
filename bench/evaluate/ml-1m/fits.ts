import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceDurably } from '#platform';
import type { Known, Options, Scores } from '../model.ts';
import type { Model } from './models.ts';

export type Took = { readonly wall: number; readonly processor: number };
/** `took` is in seconds. */
export type Fitted = { readonly scores: Scores; readonly took: Took };

/**
 * Fits of models by what they may know and by their parameters, each made once: what is judged by itself is stacked as well.
 * With a directory, scores are kept there as files of float32, [users, items], and read by the next run in place of a fit:
 * all models take longer than one sitting. They are not told from those of an earlier state of the code.
 */
export class Fits {
  readonly #directory: string | undefined;
  readonly #fits = new WeakMap<Known['histories'], Map<string, Promise<Fitted>>>();

  constructor(directory?: string) {
    this.#directory = directory;
  }

  of(model: Pick<Model, 'name' | 'fit'>, known: Known, options: Options): Promise<Fitted> {
    const fits = this.#fits.get(known.histories) ?? new Map<string, Promise<Fitted>>();
    this.#fits.set(known.histories, fits);
    const key = [model.name, ...Object.entries(options).flat(), `${known.matrix.size} pairs`].join(' ');
    const fit = fits.get(key) ?? this.#keptOrFitted(key, model, known, options);
    fits.set(key, fit);
    return fit;
  }

  async #keptOrFitted(
    key: string,
    model: Pick<Model, 'fit'>,
    known: Known,
    options: Options,
  ): Promise<Fitted> {
    if (this.#directory === undefined) return fit(key, model, known, options);
    const [values, times] = ['f32', 'json'].map((kind) => join(this.#directory ?? '', `${key}.${kind}`)) as [
      string,
      string,
    ];
    const { users, items } = known.matrix;
    // The times are written last, so with them the scores are whole.
    if (existsSync(times)) {
      process.stderr.write(`${key}: kept\n`);
      const { buffer, byteOffset, length } = await readFile(values);
      const scores = new Float32Array(buffer, byteOffset, length / Float32Array.BYTES_PER_ELEMENT);
      return { scores: rowsOf(scores, items), took: JSON.parse(await readFile(times, 'utf8')) as Took };
    }
    const { scores, took } = await fit(key, model, known, options);
    const all = new Float32Array(users * items);
    for (let user = 0; user < users; user++) all.set(scores(user), user * items);
    await mkdir(this.#directory, { recursive: true });
    await replaceDurably(values, new Uint8Array(all.buffer));
    await replaceDurably(times, Buffer.from(JSON.stringify(took)));
    return { scores: rowsOf(all, items), took };
  }
}

function rowsOf(scores: Float32Array, items: number): Scores {
  return (user) => scores.subarray(user * items, (user + 1) * items);
}

async function fit(key: string, model: Pick<Model, 'fit'>, known: Known, options: Options): Promise<Fitted> {
  process.stderr.write(`${key}: fitting\n`);
  const [wallBefore, before] = [performance.now(), process.cpuUsage()];
  const scores = await model.fit(known, options);
  const { user, system } = process.cpuUsage(before);
  return {
    scores,
    took: { wall: (performance.now() - wallBefore) / 1e3, processor: (user + system) / 1e6 },
  };
}
