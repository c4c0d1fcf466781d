import { hashBytes } from '#platform';

/** A number from 0 up to 1 that follows from a request and what it is drawn for. */
export function uniform(requestId: string, purpose: string): number {
  const bytes = Buffer.from(`${purpose} ${requestId}`);
  return hashBytes(bytes, 0, bytes.length) / 2 ** 32;
}
