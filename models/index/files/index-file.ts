import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import type { IndexCalibration, IndexParts } from '../parts.ts';
import type { Metric } from '../port.ts';
import { inconsistencyOf } from './check-parts.ts';
import { isFirstFormat, readFirstFormat } from './first-format.ts';
import {
  corrupt,
  decodeHeader,
  encodeHeader,
  extentsOf,
  HEADER_BYTES,
  type Header,
  SECTIONS,
  type Section,
  type Sums,
} from './layout.ts';

/** The bytes of a file; equal parts give equal bytes. */
export function saveIndex(parts: IndexParts): Uint8Array {
  const { dim, metric, centroids, listSizes, ids, vectors, calibration } = parts;
  const text = calibration === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(calibration));
  const header: Header = {
    dim,
    metric,
    centroids: centroids.length / dim,
    lists: listSizes.length,
    size: ids.length,
    calibrationBytes: text.length,
  };
  const extents = extentsOf(header);
  const file = new Uint8Array(extents.calibration.end);
  const arrays = { centroids, listSizes, ids, vectors, calibration: text };
  const sums = SECTIONS.map((section) => {
    const { at, end } = extents[section];
    file.set(bytesOf(arrays[section]), at);
    return [section, crc32(file.subarray(at, end))] as const;
  });
  file.set(encodeHeader(header, Object.fromEntries(sums) as Record<Section, number>));
  return file;
}

/**
 * The parts that `saveIndex` wrote, or that a file of the first format holds. Arrays are views of `bytes` where these lie at a multiple of four, as a file does that was
 * read by itself: nobody may change them after. Errors: MR_INDEX_CORRUPT, which names the section.
 */
export function readIndex(bytes: Uint8Array): IndexParts {
  if (isFirstFormat(bytes)) return readFirstFormat(bytes);
  const { header, sums } = decodeHeader(bytes, bytes.length);
  const extents = extentsOf(header);
  return partsOf(header, (section) => {
    const { at, end } = extents[section];
    return verified(section, bytes.subarray(at, end), sums);
  });
}

/**
 * How an index is searched, of its bytes: nothing else of them is verified. Undefined for a flat index. Errors:
 * MR_INDEX_CORRUPT.
 */
export function readCalibration(bytes: Uint8Array): IndexCalibration | undefined {
  if (isFirstFormat(bytes)) return undefined;
  const { header, sums } = decodeHeader(bytes, bytes.length);
  const { at, end } = extentsOf(header).calibration;
  return calibrationIn(verified('calibration', bytes.subarray(at, end), sums), header);
}

/** An index file that reads and verifies sections on demand. */
export class IndexFile {
  readonly #file: FileHandle;
  readonly #header: Header;
  readonly #sums: Sums;

  private constructor(file: FileHandle, header: Header, sums: Sums) {
    this.#file = file;
    this.#header = header;
    this.#sums = sums;
  }

  /** Reads and verifies the header, and the file's length against it. Errors: MR_INDEX_CORRUPT. */
  static async open(path: string): Promise<IndexFile> {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      const start = await readAt(file, 0, Math.min(size, HEADER_BYTES));
      const { header, sums } = decodeHeader(start, size);
      return new IndexFile(file, header, sums);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get dim(): number {
    return this.#header.dim;
  }

  get metric(): Metric {
    return this.#header.metric;
  }

  /** Vectors in it. */
  get size(): number {
    return this.#header.size;
  }

  /** Undefined for a flat index. Errors: as `parts`. */
  async calibration(): Promise<IndexCalibration | undefined> {
    return calibrationIn(await this.#section('calibration'), this.#header);
  }

  /** Errors: MR_INDEX_CORRUPT, which names the section. */
  async parts(): Promise<IndexParts> {
    const sections = {} as Record<Section, Uint8Array>;
    for (const section of SECTIONS) sections[section] = await this.#section(section);
    return partsOf(this.#header, (section) => sections[section]);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #section(section: Section): Promise<Uint8Array> {
    const { at, end } = extentsOf(this.#header)[section];
    return verified(section, await readAt(this.#file, at, end - at), this.#sums);
  }
}

function partsOf(header: Header, bytesIn: (section: Section) => Uint8Array): IndexParts {
  const { dim, metric } = header;
  const extents = extentsOf(header);
  const numbers = <T>(kind: Numbers<T>, section: Section): T => {
    const { buffer, byteOffset } = atFour(bytesIn(section));
    return new kind(buffer, byteOffset, extents[section].bytes / 4);
  };
  const calibration = calibrationIn(bytesIn('calibration'), header);
  const parts: IndexParts = {
    dim,
    metric,
    centroids: numbers(Float32Array, 'centroids'),
    listSizes: numbers(Int32Array, 'listSizes'),
    ids: numbers(Int32Array, 'ids'),
    vectors: numbers(Float32Array, 'vectors'),
    ...(calibration !== undefined && { calibration }),
  };
  const wrong = inconsistencyOf(parts);
  if (wrong !== undefined) throw corrupt(wrong.part, wrong.why);
  return parts;
}

type Numbers<T> = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => T;

/** Typed arrays begin at multiples of their elements' size. */
function atFour(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 4 === 0 ? bytes : Uint8Array.from(bytes);
}

function calibrationIn(bytes: Uint8Array, { calibrationBytes }: Header): IndexCalibration | undefined {
  if (calibrationBytes === 0) return undefined;
  // What has the checksum of its writer has the form that the writer gave it.
  return JSON.parse(Buffer.from(bytes.subarray(0, calibrationBytes)).toString()) as IndexCalibration;
}

function verified(section: Section, bytes: Uint8Array, sums: Sums): Uint8Array {
  if (crc32(bytes) !== sums[section]) throw corrupt(section, 'its checksum differs');
  return bytes;
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Uint8Array> {
  // A buffer of its own, so that arrays over it begin where it does.
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(
      bytes,
      done,
      Math.min(length - done, READ_AT_ONCE),
      position + done,
    );
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}

const READ_AT_ONCE = 1 << 28;

function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
