import { type AnyView, rowRecordName } from '#features';

type Field = { readonly name: string };
export type RecordSchema = { readonly fields: readonly Field[] };

/** An example, and the first parts that it is written in, in order. */
export type ExampleSchemas = Readonly<Record<'example' | 'head' | 'item', RecordSchema>>;

/**
 * The schemas with a field for each view that examples have, at the end of its side of the example. Fields that are there
 * stay as and where they are: examples of before can be read.
 */
export function withViews(
  { example, head, item }: ExampleSchemas,
  views: readonly AnyView[],
): ExampleSchemas {
  const withRowsOf = (part: RecordSchema, isOurs: (view: AnyView) => boolean): RecordSchema => {
    const names = new Set(part.fields.map(({ name }) => name));
    const added = views.flatMap((view) => {
      const { exampleField } = view;
      return exampleField === undefined || names.has(exampleField) || !isOurs(view) ? [] : [rowField(view)];
    });
    return { ...part, fields: [...part.fields, ...added] };
  };
  const newHead = withRowsOf(head, ({ entity }) => entity !== 'item');
  const newItem = withRowsOf(item, ({ entity }) => entity === 'item');
  const written = new Map(example.fields.map((field) => [field.name, field]));
  const ending = example.fields.slice(
    example.fields.findLastIndex(({ name }) => item.fields.some((field) => field.name === name)) + 1,
  );
  const parts = [...newHead.fields, ...newItem.fields].map((field) => written.get(field.name) ?? field);
  return { example: { ...example, fields: [...parts, ...ending] }, head: newHead, item: newItem };
}

const rowField = ({
  exampleField = '',
  name,
  description,
}: AnyView): Field & Readonly<Record<string, unknown>> => ({
  name: exampleField,
  type: ['null', `millrace.${rowRecordName(name)}`],
  doc: description,
  default: null,
});
