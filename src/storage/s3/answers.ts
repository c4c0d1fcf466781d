/** What object stores answer, in the XML that S3 has. */
import type { ListedObject } from '../port.ts';

export type ErrorAnswer = { readonly status: number; readonly code: string; readonly message: string };

export type ListPage = { readonly objects: readonly ListedObject[]; readonly next: string | undefined };

/** An answer without a body, or with another's, has its status as its code. */
export function errorIn(status: number, body: string): ErrorAnswer {
  return {
    status,
    code: elementIn(body, 'Code') ?? `HTTP ${status}`,
    message: elementIn(body, 'Message') ?? '',
  };
}

/**
 * A page of ListObjectsV2, asked for with `encoding-type=url`. Undefined where it is none, or not of `prefix`. Throws where something of it is
 * missing: whoever took such a list for whole would remove what it does not have.
 */
export function listPageIn(body: string, prefix: string): ListPage | undefined {
  if (!body.includes('<ListBucketResult')) return undefined;
  if (!body.trimEnd().endsWith('</ListBucketResult>')) throw new Error('a list of objects has no end');
  // Stores that do not know the parameter do not repeat it.
  const isEncoded = elementIn(body, 'EncodingType') === 'url';
  const objects = Array.from(body.matchAll(/<Contents>(.*?)<\/Contents>/gs), ([, entry = '']) => {
    const key = elementIn(entry, 'Key') ?? '';
    return {
      name: isEncoded ? decodeURIComponent(key.replaceAll('+', ' ')) : key,
      bytes: Number(elementIn(entry, 'Size')),
      writtenMs: Date.parse(elementIn(entry, 'LastModified') ?? ''),
    };
  });
  if (!objects.every(({ name }) => name.startsWith(prefix))) return undefined;
  if (!objects.every(({ bytes, writtenMs }) => Number.isInteger(bytes) && Number.isFinite(writtenMs)))
    throw new Error('an object in a list has no size or no time');
  if (elementIn(body, 'IsTruncated') !== 'true') return { objects, next: undefined };
  const next = elementIn(body, 'NextContinuationToken');
  if (next === undefined) throw new Error('a list of objects goes on, but does not say where');
  return { objects, next };
}

function elementIn(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>(.*?)</${name}>`, 's').exec(xml)?.[1];
  return text?.replace(/&(amp|lt|gt|quot|apos|#x?[0-9a-fA-F]+);/g, (whole, entity: string) => {
    if (!entity.startsWith('#')) return ENTITIES[entity] ?? whole;
    const isHex = entity[1] === 'x';
    return String.fromCodePoint(Number.parseInt(entity.slice(isHex ? 2 : 1), isHex ? 16 : 10));
  });
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
