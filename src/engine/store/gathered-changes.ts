import type { Change } from './port.ts';

/** Before each value: its length + 1, 0 where the key is deleted. */
const LENGTH_BYTES = 4;

/**
 * The last change of each key, with the values in one run of bytes. As objects tens of thousands of changes would
 * wait for the database, and a garbage collector would carry them into its old generation and out again.
 */
export class GatheredChanges {
  /** Where each key's change lies. Latin-1 tells any two byte strings apart. */
  readonly #places = new Map<string, number>();
  #bytes = Buffer.allocUnsafeSlow(1024);
  #end = 0;

  get size(): number {
    return this.#places.size;
  }

  /** Bytes of values, those of replaced ones included. */
  get byteLength(): number {
    return this.#end;
  }

  add({ key, value }: Change): void {
    const name = nameOf(key);
    const length = value === null ? 0 : value.length;
    const known = this.#places.get(name);
    // A value in place of one as long, or longer, takes its room.
    const fits = known !== undefined && this.#bytes.readUInt32LE(known) > length;
    const place = fits ? known : this.#reserve(length);
    if (!fits) this.#places.set(name, place);
    this.#bytes.writeUInt32LE(value === null ? 0 : length + 1, place);
    value?.copy(this.#bytes, place + LENGTH_BYTES);
  }

  /** What the key has become; undefined where nothing was gathered of it. */
  get(key: Buffer): Buffer | null | undefined {
    const place = this.#places.get(nameOf(key));
    if (place === undefined) return undefined;
    const value = this.#valueAt(place);
    // The bytes may be written over.
    return value === null ? null : Buffer.from(value);
  }

  /** All of them, over this object's bytes: nothing may be added afterwards. */
  changes(): Change[] {
    return Array.from(this.#places, ([name, place]) => {
      return { key: Buffer.from(name, 'latin1'), value: this.#valueAt(place) };
    });
  }

  #valueAt(place: number): Buffer | null {
    const length = this.#bytes.readUInt32LE(place);
    const start = place + LENGTH_BYTES;
    return length === 0 ? null : this.#bytes.subarray(start, start + length - 1);
  }

  #reserve(valueBytes: number): number {
    const place = this.#end;
    this.#end += LENGTH_BYTES + valueBytes;
    if (this.#end > this.#bytes.length) {
      const bytes = Buffer.allocUnsafeSlow(2 * this.#end);
      this.#bytes.copy(bytes, 0, 0, place);
      this.#bytes = bytes;
    }
    return place;
  }
}

const nameOf = (key: Buffer) => key.toString('latin1');
