/** What a model from outside that finds items says of itself: `model.json` beside its user encoder and item vectors. */
import {
  COMMON_FIELDS,
  type CommonFields,
  commonFields,
  fieldsOf,
  parseFields,
  shown,
  textOf,
  wrong,
} from '../manifest-fields.ts';

/** The kind of model that versions of it name. */
export const EXTERNAL_RETRIEVAL = 'external-retrieval';

const orders = ['newest-first', 'oldest-first'] as const;

/** The graph's one input, int64 [users, length]: what a user had last, by numbers of items. */
export type ExternalHistory = {
  readonly name: string;
  readonly length: number;
  /** What is short is filled up behind the oldest item of `newest-first`, and before that of `oldest-first`. */
  readonly order: (typeof orders)[number];
  /** The number of the first item of the list; the one before it fills up what is short. */
  readonly first: number;
};

export type ExternalRetrievalManifest = CommonFields & {
  readonly role: 'retrieval';
  /** The file with an item's id a line. */
  readonly items: string;
  /** The file with a vector for each of them, as numpy.save writes float32 [items, dimension]. */
  readonly vectors: string;
  readonly history: ExternalHistory;
  /** The graph's output, float32 [users, dimension]. */
  readonly output: string;
};

const knownFields = [...COMMON_FIELDS, 'items', 'vectors', 'history', 'output'];

/** Errors: InputError MR_MODEL_MANIFEST, which says what is wrong and where. */
export function parseExternalRetrieval(bytes: Uint8Array): ExternalRetrievalManifest {
  const manifest = fieldsOf(parseFields(bytes), 'it', knownFields);
  if (manifest.role !== 'retrieval') throw wrong(`role is ${shown(manifest.role)}, not retrieval`);
  return {
    ...commonFields(manifest),
    role: 'retrieval',
    items: textOf(manifest.items, 'items'),
    vectors: textOf(manifest.vectors, 'vectors'),
    history: parseHistory(manifest.history),
    output: textOf(manifest.output, 'output'),
  };
}

function parseHistory(value: unknown): ExternalHistory {
  const { name, length, order, first } = fieldsOf(value, 'history', ['name', 'length', 'order', 'first']);
  if (!Number.isInteger(length) || Number(length) < 1)
    throw wrong(`history.length is ${shown(length)}, not a number of items`);
  const known = orders.find((each) => each === order);
  if (known === undefined) throw wrong(`history.order is ${shown(order)}, not one of ${orders.join(', ')}`);
  if (!Number.isInteger(first)) throw wrong(`history.first is ${shown(first)}, not a whole number`);
  return { name: textOf(name, 'history.name'), length: Number(length), order: known, first: Number(first) };
}
