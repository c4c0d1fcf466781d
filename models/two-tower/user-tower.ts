import { InputError } from '#platform';
import { type Layer, readUserTower, type Table, type TowerParts } from './read-user-tower.ts';

/** A user as the tower sees one: ids, the history's newest first, -1 for what is none. */
type TowerInput = {
  readonly user: number;
  readonly history: ArrayLike<number>;
  readonly profile: ArrayLike<number>;
  readonly context: ArrayLike<number>;
};

/** Outputs of a layer that are added up at a time: sums do not wait for each other then. */
const AT_ONCE = 4;
const FLOAT_BYTES = 4;

/**
 * The user tower (towers.ts) in plain loops, for one user at a time: for a layer this small, calling onnxruntime takes several times
 * as long as computing it. Sums are of double precision, so vectors differ from those of onnxruntime by some units of the last place.
 */
export class UserTower {
  readonly dim: number;
  readonly historyLength: number;
  readonly #parts: TowerParts;
  readonly #headCount: number;
  readonly #x: Float32Array;
  readonly #hidden: Float32Array;
  readonly #pooled: Float32Array;
  readonly #sums: Float64Array;
  readonly #weights: Float64Array;

  private constructor(parts: TowerParts) {
    const { output, recency, heads, hidden } = parts;
    this.#parts = parts;
    this.dim = output.bias.length;
    this.#headCount = heads.weights.length / this.dim ** 2;
    this.historyLength = recency.length / this.#headCount;
    this.#x = new Float32Array(this.dim);
    this.#hidden = new Float32Array(hidden.bias.length);
    this.#pooled = new Float32Array(this.#headCount * this.dim);
    this.#sums = new Float64Array(this.dim);
    this.#weights = new Float64Array(this.historyLength);
  }

  /** Reads a file of `userTowerOnnx`; undefined for any other file, and for one that this build would write differently. */
  static read(file: Uint8Array): UserTower | undefined {
    const parts = readUserTower(file);
    return parts && new UserTower(parts);
  }

  get profileFeatures(): number {
    return this.#parts.profileStarts.length;
  }

  /** 0 where the model knows no context. */
  get contextFeatures(): number {
    return this.#parts.contextStarts.length;
  }

  /** Writes the vector of a user to `into`, from `at` on. Errors: InputError MR_MODEL_INPUT for an id that the model does not have. */
  encode({ user, history, profile, context }: TowerInput, into: Float32Array, at: number): void {
    const { dim } = this;
    const parts = this.#parts;
    const sums = this.#sums.fill(0);
    addRow(parts.user, user, 1, sums);
    if (this.#attend(history)) addProducts(parts.heads, this.#pooled, sums);
    addFeatures(parts.profile, parts.profileStarts, profile, sums);
    if (parts.context !== undefined) addFeatures(parts.context, parts.contextStarts, context, sums);
    this.#x.set(sums);
    const hidden = this.#hidden;
    layer(parts.hidden, this.#x, hidden);
    for (let i = 0; i < hidden.length; i++) if ((hidden[i] as number) < 0) hidden[i] = 0;
    const refined = this.#sums.fill(0);
    addProducts(parts.output, hidden, refined);
    let squares = 0;
    for (let d = 0; d < dim; d++) {
      const value = (this.#x[d] as number) + (refined[d] as number) + (parts.output.bias[d] as number);
      refined[d] = value;
      squares += value * value;
    }
    const length = Math.sqrt(squares + 1e-12);
    for (let d = 0; d < dim; d++) into[at + d] = (refined[d] as number) / length;
  }

  /** What each head sees of the history, to `#pooled`; false where there is none. */
  #attend(history: ArrayLike<number>): boolean {
    const { history: table, attention, recency } = this.#parts;
    const { dim } = this;
    const heads = this.#headCount;
    const weights = this.#weights;
    const length = Math.min(history.length, this.historyLength);
    let hasAny = false;
    for (let head = 0; head < heads; head++) {
      const ofHead = { from: head * dim, dim };
      let greatest = Number.NEGATIVE_INFINITY;
      for (let place = 0; place < length; place++) {
        const item = history[place] as number;
        weights[place] = Number.NEGATIVE_INFINITY;
        if (item < 0) continue;
        if (item >= table.rows) throw unknownId(item, table.rows);
        const weight =
          (recency[place * heads + head] as number) + productWithRow(table, item, attention, ofHead);
        weights[place] = weight;
        greatest = Math.max(greatest, weight);
        hasAny = true;
      }
      if (!hasAny) return false;
      let total = 0;
      for (let place = 0; place < length; place++) {
        const weight = Math.exp((weights[place] as number) - greatest);
        weights[place] = weight;
        total += weight;
      }
      const sums = new Float64Array(dim);
      for (let place = 0; place < length; place++) {
        const item = history[place] as number;
        if (item >= 0) addRow(table, item, (weights[place] as number) / total, sums);
      }
      this.#pooled.set(sums, head * dim);
    }
    return true;
  }
}

function addRow({ values, rows }: Table, row: number, weight: number, sums: Float64Array): void {
  if (!(row >= 0 && row < rows)) throw unknownId(row, rows);
  let at = row * sums.length * FLOAT_BYTES;
  for (let d = 0; d < sums.length; d++) {
    sums[d] = (sums[d] as number) + weight * values.getFloat32(at, true);
    at += FLOAT_BYTES;
  }
}

function productWithRow(
  { values }: Table,
  row: number,
  factors: Float32Array,
  { from, dim }: { readonly from: number; readonly dim: number },
): number {
  let sum = 0;
  let at = row * dim * FLOAT_BYTES;
  for (let d = 0; d < dim; d++) {
    sum += values.getFloat32(at, true) * (factors[from + d] as number);
    at += FLOAT_BYTES;
  }
  return sum;
}

function addFeatures(
  table: Table,
  starts: readonly number[],
  values: ArrayLike<number>,
  sums: Float64Array,
): void {
  for (let i = 0; i < starts.length; i++)
    addRow(table, (starts[i] as number) + (values[i] as number), 1, sums);
}

function layer(of: Layer, inputs: Float32Array, into: Float32Array): void {
  const sums = new Float64Array(into.length);
  addProducts(of, inputs, sums);
  for (let i = 0; i < into.length; i++) into[i] = (sums[i] as number) + (of.bias[i] as number);
}

/** Adds the product of the layer with its inputs, each sum in the order of these. */
function addProducts({ weights }: Layer, inputs: Float32Array, sums: Float64Array): void {
  const { length } = inputs;
  let output = 0;
  for (; output + AT_ONCE <= sums.length; output += AT_ONCE) {
    let [first, second, third, fourth] = [0, 0, 0, 0];
    const a = output * length;
    const [b, c, d] = [a + length, a + 2 * length, a + 3 * length];
    for (let i = 0; i < length; i++) {
      const value = inputs[i] as number;
      first += value * (weights[a + i] as number);
      second += value * (weights[b + i] as number);
      third += value * (weights[c + i] as number);
      fourth += value * (weights[d + i] as number);
    }
    sums[output] = (sums[output] as number) + first;
    sums[output + 1] = (sums[output + 1] as number) + second;
    sums[output + 2] = (sums[output + 2] as number) + third;
    sums[output + 3] = (sums[output + 3] as number) + fourth;
  }
  for (; output < sums.length; output++) {
    let sum = 0;
    for (let i = 0; i < length; i++) sum += (inputs[i] as number) * (weights[output * length + i] as number);
    sums[output] = (sums[output] as number) + sum;
  }
}

function unknownId(id: number, rows: number): InputError {
  return new InputError('MR_MODEL_INPUT', `an id is ${id}, and the table has ${rows} rows`, {
    hint: 'Ask with the ids of the vocabulary that the model was trained with.',
  });
}
