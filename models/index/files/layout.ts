/**
 * The layout of an index file, all of it little-endian. A header of 64 bytes, then the sections in the order of `SECTIONS`,
 * each an array as memory has it, at a multiple of 64 and padded with zeros to the next one:
 *
 * ```text
 *  0  "MRINDEX2"
 *  8  dim, metric (0 inner product, 1 L2), rows of centroids, lists, vectors, bytes of the calibration: uint32 each
 * 32  CRC-32 of each section, its padding included
 * 52  zeros
 * 60  CRC-32 of the 60 bytes before
 * ```
 */
import { crc32 } from 'node:zlib';
import { InputError } from '#platform';
import type { Metric } from '../port.ts';

const MAGIC = 'MRINDEX2';
export const HEADER_BYTES = 64;
export const SECTIONS = ['centroids', 'listSizes', 'ids', 'vectors', 'calibration'] as const;
export type Section = (typeof SECTIONS)[number];

const METRICS: readonly Metric[] = ['inner-product', 'l2'];
const SUMS_AT = 32;
const HEADER_SUM_AT = HEADER_BYTES - 4;

export type Header = {
  readonly dim: number;
  readonly metric: Metric;
  /** 0 for a flat index, else as many as there are lists. */
  readonly centroids: number;
  readonly lists: number;
  readonly size: number;
  /** 0 where there is none. */
  readonly calibrationBytes: number;
};
export type Sums = Readonly<Record<Section, number>>;
export type Extent = {
  readonly at: number;
  readonly bytes: number;
  /** With its padding, where the next section begins. */
  readonly end: number;
};

export function extentsOf(header: Header): Readonly<Record<Section, Extent>> {
  const { dim, centroids, lists, size, calibrationBytes } = header;
  const bytes = [centroids * dim * 4, lists * 4, size * 4, size * dim * 4, calibrationBytes];
  let at = HEADER_BYTES;
  const entries = SECTIONS.map((section, i) => {
    const extent = { at, bytes: bytes[i] as number, end: aligned(at + (bytes[i] as number)) };
    at = extent.end;
    return [section, extent] as const;
  });
  return Object.fromEntries(entries) as Record<Section, Extent>;
}

export function encodeHeader(
  { dim, metric, centroids, lists, size, calibrationBytes }: Header,
  sums: Sums,
): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.write(MAGIC, 'latin1');
  const counts = [dim, METRICS.indexOf(metric), centroids, lists, size, calibrationBytes];
  counts.forEach((count, i) => {
    bytes.writeUInt32LE(count, MAGIC.length + i * 4);
  });
  SECTIONS.forEach((section, i) => {
    bytes.writeUInt32LE(sums[section], SUMS_AT + i * 4);
  });
  bytes.writeUInt32LE(crc32(bytes.subarray(0, HEADER_SUM_AT)), HEADER_SUM_AT);
  return bytes;
}

/** Reads the beginning of a file of `fileBytes`, whose length has to be that of its sections. Errors: MR_INDEX_CORRUPT. */
export function decodeHeader(
  start: Uint8Array,
  fileBytes: number,
): { readonly header: Header; readonly sums: Sums } {
  if (start.length < HEADER_BYTES) throw corrupt('header', 'it is cut off');
  const bytes = Buffer.from(start.buffer, start.byteOffset, HEADER_BYTES);
  if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC)
    throw corrupt('header', `it does not start with ${MAGIC}`);
  if (crc32(bytes.subarray(0, HEADER_SUM_AT)) !== bytes.readUInt32LE(HEADER_SUM_AT)) {
    throw corrupt('header', 'its checksum differs');
  }
  const count = (i: number) => bytes.readUInt32LE(MAGIC.length + i * 4);
  const [dim, metric, centroids, lists, size, calibrationBytes] = [0, 1, 2, 3, 4, 5].map(count) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const known = METRICS[metric];
  if (known === undefined || dim === 0 || lists === 0 || (centroids !== 0 && centroids !== lists)) {
    throw corrupt(
      'header',
      `${lists} lists with ${centroids} centroids of dimension ${dim}, metric ${metric}`,
    );
  }
  const header = { dim, metric: known, centroids, lists, size, calibrationBytes };
  checkLength(header, fileBytes);
  const sums = SECTIONS.map((section, i) => [section, bytes.readUInt32LE(SUMS_AT + i * 4)] as const);
  return { header, sums: Object.fromEntries(sums) as Record<Section, number> };
}

function checkLength(header: Header, fileBytes: number): void {
  const extents = extentsOf(header);
  const cut = SECTIONS.find((section) => extents[section].end > fileBytes);
  if (cut !== undefined) throw corrupt(cut, `it ends at ${extents[cut].end}, the file at ${fileBytes}`);
  const { end } = extents.calibration;
  if (end < fileBytes) throw corrupt('calibration', `it ends at ${end}, the file goes on to ${fileBytes}`);
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / HEADER_BYTES) * HEADER_BYTES;
}

export function corrupt(section: Section | 'header', why: string): InputError {
  return new InputError(
    'MR_INDEX_CORRUPT',
    `not an index file, or a damaged one, in section ${section}: ${why}`,
    {
      hint: 'Fetch the version again, or rebuild the index from the item vectors.',
    },
  );
}
