/** The fields that rows of a mapped file can have, by what the rows are. */
import { avroSchema, devices, type SchemaName } from '#schemas';

export type FieldType = 'id' | 'text' | 'number' | 'whole' | 'flag' | 'time' | 'list' | 'one-of';

export type Field = {
  readonly type: FieldType;
  readonly isRequired?: true;
  /** Of 'one-of'. */
  readonly symbols?: readonly string[];
};

const required = { isRequired: true } as const;
const text = { type: 'text' } as const;
const whole = { type: 'whole' } as const;
const id = { type: 'id' } as const;

export const rowKinds = {
  events: {
    user_id: { ...id, ...required },
    item_id: id,
    kind: { type: 'one-of', symbols: symbolsOf('Interaction', 'kind'), ...required },
    ts: { type: 'time', ...required },
    value: { type: 'number' },
    watch_ms: whole,
    session_id: id,
    request_id: id,
    event_id: id,
    device: { type: 'one-of', symbols: Object.keys(devices) },
    country: text,
    language: text,
  },
  items: {
    item_id: { ...id, ...required },
    title: text,
    type: { type: 'one-of', symbols: symbolsOf('Item', 'type') },
    category: text,
    tags: { type: 'list' },
    duration_ms: whole,
    difficulty: whole,
    language: text,
    available: { type: 'flag' },
    age_limit: whole,
    created: { type: 'time' },
  },
  users: {
    user_id: { ...id, ...required },
    age: whole,
    gender: { type: 'one-of', symbols: symbolsOf('User', 'gender') },
    occupation: text,
    country: text,
    language: text,
    created: { type: 'time' },
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Field>>>>;

export type RowKind = keyof typeof rowKinds;
export type FieldName = { [K in RowKind]: keyof (typeof rowKinds)[K] }[RowKind];

function symbolsOf(schema: SchemaName, field: string): readonly string[] {
  const { fields } = avroSchema(schema) as {
    readonly fields: readonly {
      readonly name: string;
      readonly type: { readonly symbols?: readonly string[] };
    }[];
  };
  return fields.find(({ name }) => name === field)?.type.symbols ?? [];
}
