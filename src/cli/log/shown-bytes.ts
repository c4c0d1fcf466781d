/** A decoded value as it is printed: bytes as text where they are text, and in base64 otherwise. */
export function withShownBytes(value: unknown): unknown {
  if (value instanceof Uint8Array) return textOf(value);
  if (Array.isArray(value)) return value.map(withShownBytes);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, withShownBytes(field)]));
}

function textOf(bytes: Uint8Array): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (!/[\p{Cc}--[\t\r\n]]/v.test(text)) return text;
  } catch {
    // No text: shown as base64 like other bytes.
  }
  return Buffer.from(bytes).toString('base64');
}
