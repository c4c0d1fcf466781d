/**
 * A value as JSON can hold it: bytes as base64, bigints and numbers that JSON lacks as text, maps as lists of pairs,
 * sets as lists.
 */
export function jsonValue(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Date) return value.toJSON();
  if (Array.isArray(value)) return value.map(jsonValue);
  if (value instanceof Map) return Array.from(value, ([key, each]) => [jsonValue(key), jsonValue(each)]);
  if (value instanceof Set) return Array.from(value, jsonValue);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, jsonValue(each)]));
}
