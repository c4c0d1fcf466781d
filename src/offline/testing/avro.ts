/** Avro schemas, for tests that need types of their own. */

export const optional = (type: unknown) => ['null', type];

export const list = (items: unknown) => ({ type: 'array', items });

export const recordOf = (name: string, fields: Readonly<Record<string, unknown>>) => ({
  type: 'record',
  name,
  fields: Object.entries(fields).map(([field, type]) => ({ name: field, type })),
});
