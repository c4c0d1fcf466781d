import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type ItemVectors, openVersion, readItemVectors, UserEncoder, Vocabulary } from '#models';
import type { ContextFeatures } from '#schemas';
import type { Recommendation } from '../recommendation.ts';

/** Recomputes answers from the files of the version that they name, by other means than the responder does. */
export class Rescorer {
  readonly #dataDirectory: string;
  readonly #history: (userId: string) => readonly string[];
  readonly #context: ContextFeatures | null;
  readonly #vectors = new Map<
    string,
    Promise<{ vector: Float32Array; items: ItemVectors; vocabulary: Vocabulary }>
  >();

  /** `history`: items of interest of a user, newest first. `context`: of the moment in which all answers were given. */
  constructor(
    dataDirectory: string,
    history: (userId: string) => readonly string[],
    context: ContextFeatures | null = null,
  ) {
    this.#dataDirectory = dataDirectory;
    this.#history = history;
    this.#context = context;
  }

  /** Asserts that the items of the index are the best of those not excluded, with that version's own scores. */
  async check(
    { version, user_id, items: given, k }: Recommendation,
    excluded: ReadonlySet<string>,
  ): Promise<void> {
    assert.ok(version !== null);
    const { vector, items, vocabulary } = await this.#load(version, user_id);
    const scores = Array.from({ length: vocabulary.itemCount }, (_, i) => {
      const itemVector = items.vectors.subarray(i * items.dim, (i + 1) * items.dim);
      return {
        id: vocabulary.itemId(i),
        score: vector.reduce((sum, x, d) => sum + x * (itemVector[d] as number), 0),
      };
    });
    const best = scores
      .filter(({ id }) => !excluded.has(id))
      .sort((a, b) => b.score - a.score)
      .slice(0, k);
    const found = given.filter(({ source }) => source === 'index');
    assert.equal(found.length, best.length);
    found.forEach(({ item_id, score }, rank) => {
      const own = scores.find(({ id }) => id === item_id)?.score ?? Number.NaN;
      assert.ok(Math.abs(score - own) < 1e-5, `${item_id} scores ${own} in ${version}, not ${score}`);
      assert.ok(Math.abs(score - (best[rank]?.score ?? 0)) < 1e-5, `rank ${rank} is not the best`);
      assert.ok(!excluded.has(item_id));
    });
  }

  #load(version: string, userId: string) {
    const key = `${version} ${userId}`;
    const loaded = this.#vectors.get(key) ?? this.#encode(version, userId);
    this.#vectors.set(key, loaded);
    return loaded;
  }

  async #encode(version: string, userId: string) {
    const files = await openVersion(join(this.#dataDirectory, 'versions', version));
    const vocabulary = Vocabulary.parse(files.read('vocabulary.json'));
    const encoder = await UserEncoder.load(files.read('user-tower.onnx'));
    const vector = await encoder.encode({
      users: Int32Array.of(vocabulary.userIndex(userId)),
      histories: [vocabulary.historyIndices(this.#history(userId))],
      profile: Int32Array.from(vocabulary.profileValues(null)),
      context: Int32Array.from(vocabulary.contextValues(this.#context)),
    });
    await encoder.close();
    return { vector, items: readItemVectors(files.read('items.index')), vocabulary };
  }
}
