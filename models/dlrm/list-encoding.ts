import type { RankingDataset, RankingRows } from '../ranking/dataset.ts';
import type { Asking, FeatureColumn, RankerInputs, RankingQuery } from '../ranking/port.ts';
import { askingOf } from '../ranking/row-scores.ts';
import type { Rows } from './data.ts';
import type { SideName } from './parameters.ts';
import { type SparseEncoding, sparseEncoder, vocabularyOf } from './sparse-encoding.ts';

/**
 * How a list becomes rows of the network's sides, for training and for answers alike. What the catalogue says of an item,
 * and its id, are the item's side, which is computed once; a feature that changes from moment to moment, such as an item's
 * popularity or what the user did with it, is a candidate's.
 */
export type ListEncoding = {
  /** The side of each column of a query, in their order; a text has its categories. */
  readonly columns: readonly { readonly side: SideName; readonly categories?: readonly string[] }[];
  readonly users: SparseEncoding;
  readonly items: SparseEncoding;
  /** Items of the user's history that are read, the newest ones. */
  readonly historyLength: number;
  readonly moments: Readonly<Record<MomentField, SparseEncoding>>;
  /** Whether it was learned where items were shown; answers are scored as if all were first. */
  readonly hasPositions: boolean;
};

const momentFields = ['hour', 'weekday', 'device', 'country', 'language'] as const;
type MomentField = (typeof momentFields)[number];

export type EncodingOptions = {
  /** Ids with fewer rows are not known. */
  readonly minRows: number;
  /** Rows of a table that ids are hashed into; 0 for a vocabulary. */
  readonly hashRows: number;
  readonly historyLength: number;
};

/** One row of a side before it has numbers: dense features, and the categories of each sparse one. */
export type SideRow = {
  readonly dense: readonly number[];
  readonly sparse: readonly (readonly string[])[];
};

export type EncodedList = {
  /** One, unless what the columns say of the user changes inside of the list. */
  readonly users: readonly SideRow[];
  /** [items]; the row of users that each item goes with. */
  readonly userOf: Int32Array;
  /** [items] */
  readonly items: readonly SideRow[];
  /** [items]; without features where no column is a candidate's. */
  readonly candidates: readonly SideRow[];
};

/** What training met: `inputs` name the columns as queries have them. */
export function fitEncoding(
  rows: RankingRows,
  subjects: RankingDataset['subjects'],
  { minRows, hashRows, historyLength }: EncodingOptions,
): ListEncoding {
  const { shown } = rows;
  const idsOf = (numbers: Int32Array, names: readonly string[]): SparseEncoding =>
    hashRows > 0
      ? { kind: 'hashed', rows: hashRows }
      : vocabularyOf(
          Array.from(numbers, (number) => [names[number] as string]),
          minRows,
        );
  const askings = Array.from({ length: rows.lists.length - 1 }, (_, list) =>
    askingOf(rows, rows.lists[list] as number),
  );
  const moments = momentFields.map((field) => {
    return [field, vocabularyOf(askings.map((asking) => momentOf(asking, field)))] as const;
  });
  return {
    columns: rows.columns.map(({ name, categories }) => {
      const subject = subjects[name];
      const side = subject === 'catalogue' ? 'item' : (subject ?? 'candidate');
      return { side, ...(categories && { categories }) };
    }),
    users: idsOf(
      shown.user,
      shown.users.map(({ id }) => id),
    ),
    items: idsOf(shown.item, shown.items),
    historyLength,
    moments: Object.fromEntries(moments) as ListEncoding['moments'],
    hasPositions: rows.positions.some((position) => !Number.isNaN(position)),
  };
}

/** Each column in an input of its own. */
export function inputsOf({ columns }: Pick<RankingRows, 'columns'>): RankerInputs['inputs'] {
  return columns.map(({ name, categories }) => {
    return { type: categories === undefined ? 'float64' : 'string', features: [name] };
  });
}

function momentOf({ context }: Asking, field: MomentField): readonly string[] {
  const value = context?.[field] ?? null;
  return value === null ? [] : [String(value)];
}

export class ListEncoder {
  readonly #encoding: ListEncoding;
  readonly #columnsOf: Readonly<Record<SideName, readonly number[]>>;
  readonly #encoders: Readonly<Record<SideName, readonly ReturnType<typeof sparseEncoder>[]>>;

  constructor(encoding: ListEncoding) {
    this.#encoding = encoding;
    const { columns, users, items, moments } = encoding;
    const columnsOf = (wanted: SideName) =>
      columns.flatMap(({ side }, place) => (side === wanted ? [place] : []));
    this.#columnsOf = { user: columnsOf('user'), item: columnsOf('item'), candidate: columnsOf('candidate') };
    const texts = (side: SideName) =>
      this.#columnsOf[side].flatMap((place): SparseEncoding[] => {
        const categories = columns[place]?.categories;
        return categories === undefined ? [] : [{ kind: 'vocabulary', categories }];
      });
    const sparse = {
      user: [users, items, ...momentFields.map((field) => moments[field]), ...texts('user')],
      item: [items, ...texts('item')],
      candidate: texts('candidate'),
    };
    this.#encoders = {
      user: sparse.user.map(sparseEncoder),
      item: sparse.item.map(sparseEncoder),
      candidate: sparse.candidate.map(sparseEncoder),
    };
  }

  /** Whether there is anything that a request must read of each item. */
  get hasCandidates(): boolean {
    return this.#columnsOf.candidate.length > 0 || this.#encoding.hasPositions;
  }

  /** Positions are places in the answer, from 0; all items are first where they are absent. */
  encode({ asking, items, columns }: RankingQuery, positions?: Float32Array): EncodedList {
    const users: SideRow[] = [];
    const userOf = new Int32Array(items.length);
    items.forEach((_, place) => {
      if (place === 0 || this.#differs(columns, place)) users.push(this.#user(asking, columns, place));
      userOf[place] = users.length - 1;
    });
    return {
      users,
      userOf,
      items: items.map((id, place) => {
        const { dense, sparse } = this.#features('item', columns, place);
        return { dense, sparse: [[id], ...sparse] };
      }),
      candidates: items.map((_, place) => {
        const { dense, sparse } = this.#features('candidate', columns, place);
        const position = positions === undefined ? 0 : (positions[place] as number);
        return { dense: this.#encoding.hasPositions ? [...dense, position] : dense, sparse };
      }),
    };
  }

  /** As the network reads them. */
  rowsOf(side: SideName, rows: readonly SideRow[]): Rows {
    const columns = this.#columnsOf[side];
    const numbers = columns.filter((place) => this.#encoding.columns[place]?.categories === undefined);
    const more = { user: 1, item: 0, candidate: this.#encoding.hasPositions ? 1 : 0 }[side];
    const width = numbers.length + more;
    const values = new Float32Array(rows.length * width);
    rows.forEach(({ dense }, row) => {
      values.set(dense, row * width);
    });
    return {
      count: rows.length,
      dense: { width, values },
      sparse: this.#encoders[side].map((encode, feature) =>
        encode(rows.map(({ sparse }) => sparse[feature] ?? [])),
      ),
    };
  }

  #user(asking: Asking, columns: readonly FeatureColumn[], place: number): SideRow {
    const { dense, sparse } = this.#features('user', columns, place);
    const recent = asking.recentItems.slice(0, this.#encoding.historyLength);
    const moment = momentFields.map((field) => momentOf(asking, field));
    return {
      dense: [...dense, asking.context?.session_position ?? Number.NaN],
      sparse: [[asking.user], recent, ...moment, ...sparse],
    };
  }

  /** Whether the columns say something else of the user than for the item before. */
  #differs(columns: readonly FeatureColumn[], place: number): boolean {
    return this.#columnsOf.user.some((column) => {
      const values = columns[column] as FeatureColumn;
      return !Object.is(values[place], values[place - 1]);
    });
  }

  #features(side: SideName, columns: readonly FeatureColumn[], place: number): SideRow {
    const dense: number[] = [];
    const sparse: (readonly string[])[] = [];
    for (const column of this.#columnsOf[side]) {
      const value = (columns[column] as FeatureColumn)[place];
      if (typeof value === 'number') dense.push(value);
      else sparse.push(typeof value === 'string' ? [value] : []);
    }
    return { dense, sparse };
  }
}
