import { invariant } from '#platform';

const SLAB_BYTES = 1024 * 1024;
/** Two lengths of 32 bits: of the key, of the row. */
const HEADER_BYTES = 8;
/** A full slab with less than this share of live bytes is emptied into the newest. */
const LEAST_LIVE = 0.5;

type Slab = { readonly bytes: Buffer; used: number; live: number };

/**
 * Encoded rows by key, outside the JavaScript heap: a map from keys to places in slabs of 1 MiB, written in order as
 * a log-structured file is (Rosenblum and Ousterhout, 1992). A row that is replaced leaves a gap; a slab that is
 * mostly gaps is emptied, which moves half a slab at most.
 */
export class RowArena {
  readonly #places = new Map<string, { slab: Slab; offset: number }>();
  readonly #slabs = new Set<Slab>();
  #open: Slab = this.#addSlab(SLAB_BYTES);

  get size(): number {
    return this.#places.size;
  }

  /** Memory held, live or not. */
  get bytes(): number {
    let total = 0;
    for (const { bytes } of this.#slabs) total += bytes.length;
    return total;
  }

  /** A view, valid for good: slabs are dropped, never written over. */
  get(key: string): Buffer | undefined {
    const place = this.#places.get(key);
    if (place === undefined) return undefined;
    const { bytes } = place.slab;
    const start = place.offset + HEADER_BYTES + bytes.readUInt32LE(place.offset);
    return bytes.subarray(start, start + bytes.readUInt32LE(place.offset + 4));
  }

  has(key: string): boolean {
    return this.#places.has(key);
  }

  keys(): IterableIterator<string> {
    return this.#places.keys();
  }

  set(key: string, row: Uint8Array): void {
    const replaced = this.#places.get(key);
    this.#append(key, row);
    if (replaced !== undefined) this.#discard(replaced);
  }

  delete(key: string): void {
    const place = this.#places.get(key);
    if (place === undefined) return;
    this.#places.delete(key);
    this.#discard(place);
  }

  #append(key: string, row: Uint8Array): void {
    const keyBytes = Buffer.byteLength(key);
    const length = HEADER_BYTES + keyBytes + row.length;
    if (this.#open.used + length > this.#open.bytes.length) {
      this.#open = this.#addSlab(Math.max(SLAB_BYTES, length));
    }
    const slab = this.#open;
    const offset = slab.used;
    slab.bytes.writeUInt32LE(keyBytes, offset);
    slab.bytes.writeUInt32LE(row.length, offset + 4);
    slab.bytes.write(key, offset + HEADER_BYTES);
    slab.bytes.set(row, offset + HEADER_BYTES + keyBytes);
    slab.used += length;
    slab.live += length;
    this.#places.set(key, { slab, offset });
  }

  #discard({ slab, offset }: { slab: Slab; offset: number }): void {
    slab.live -= this.#lengthAt(slab, offset);
    invariant(slab.live >= 0, 'a slab has no fewer than 0 live bytes');
    if (slab !== this.#open && slab.live < LEAST_LIVE * slab.bytes.length) this.#empty(slab);
  }

  #empty(slab: Slab): void {
    for (let offset = 0; offset < slab.used; offset += this.#lengthAt(slab, offset)) {
      const start = offset + HEADER_BYTES;
      const end = start + slab.bytes.readUInt32LE(offset);
      const key = slab.bytes.toString('utf8', start, end);
      const place = this.#places.get(key);
      if (place?.slab !== slab || place.offset !== offset) continue;
      this.#append(key, slab.bytes.subarray(end, end + slab.bytes.readUInt32LE(offset + 4)));
    }
    this.#slabs.delete(slab);
  }

  #lengthAt({ bytes }: Slab, offset: number): number {
    return HEADER_BYTES + bytes.readUInt32LE(offset) + bytes.readUInt32LE(offset + 4);
  }

  #addSlab(length: number): Slab {
    const slab = { bytes: Buffer.allocUnsafeSlow(length), used: 0, live: 0 };
    this.#slabs.add(slab);
    return slab;
  }
}
