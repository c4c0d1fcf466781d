import fc from 'fast-check';

type Field = { readonly name: string; readonly type: unknown };

const LARGEST_LONG = 2 ** 52 - 1;

const primitives: Readonly<Record<string, () => fc.Arbitrary<unknown>>> = {
  null: () => fc.constant(null),
  boolean: () => fc.boolean(),
  int: () => fc.integer(),
  long: () => fc.integer({ min: -LARGEST_LONG, max: LARGEST_LONG }),
  double: () => fc.double(),
  string: () => fc.string({ unit: 'grapheme' }),
  bytes: () => fc.uint8Array().map((bytes) => Buffer.from(bytes)),
};

/** Any value of an Avro schema that stands alone. */
export function arbitraryValue(schema: object): fc.Arbitrary<unknown> {
  const named = new Map<string, fc.Arbitrary<unknown>>();

  const of = (node: unknown): fc.Arbitrary<unknown> => {
    if (typeof node === 'string') {
      const found = primitives[node]?.() ?? named.get(node.replace(/^millrace\./, ''));
      if (found === undefined) throw new TypeError(`unknown type ${node}`);
      return found;
    }
    if (Array.isArray(node)) return fc.oneof(...node.map(of));
    const { type, name, fields, symbols, items, values } = Object(node);
    if (type === 'array') return fc.array(of(items), { maxLength: 4 });
    if (type === 'map')
      return fc.dictionary(fc.string().filter(isMapKey), of(values), { maxKeys: 4, noNullPrototype: true });
    if (type !== 'enum' && type !== 'record') return of(type);
    const made =
      type === 'enum'
        ? fc.constantFrom(...(symbols as string[]))
        : fc.record(Object.fromEntries((fields as Field[]).map((field) => [field.name, of(field.type)])), {
            noNullPrototype: true,
          });
    named.set(name, made);
    return made;
  };
  return of(schema);
}

function isMapKey(text: string): boolean {
  return text !== '__proto__';
}
