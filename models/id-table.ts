import { hashBytes } from '#platform';

const NEWLINE = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const CHUNK_LENGTH = 1 << 20;
/** Slots for each id, so that a search meets few of others. */
const SLOTS_PER_ID = 2;

/**
 * Ids by their places and places by their ids, from 0, in the bytes of the ids and at most twenty more each, where a Map of
 * strings takes some hundred and fifty.
 */
export class IdTable {
  readonly #bytes: Buffer;
  /** [ids + 1]; id i is bytes `starts[i] .. starts[i + 1] - 1`. */
  readonly #starts: Uint32Array;
  /** Open addressing; a place + 1, 0 where a slot is free. */
  readonly #slots: Uint32Array;

  private constructor(bytes: Buffer, starts: Uint32Array, slots?: Uint32Array) {
    this.#bytes = bytes;
    this.#starts = starts;
    this.#slots = slots ?? new Uint32Array(2 ** Math.ceil(Math.log2(Math.max(1, this.size) * SLOTS_PER_ID)));
    for (let place = 0; slots === undefined && place < this.size; place++) this.#enter(place);
  }

  static receive({ bytes, starts, slots }: SentIds): IdTable {
    return new IdTable(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), starts, slots);
  }

  /** For another thread, which has the arrays from then on: this table is not to be used any more. */
  send(): SentIds {
    // A short buffer may be a part of a pool, which can't be moved.
    const bytes = new Uint8Array(this.#bytes.length);
    bytes.set(this.#bytes);
    return { bytes, starts: this.#starts, slots: this.#slots };
  }

  static of(ids: readonly string[]): IdTable {
    const starts = new Uint32Array(ids.length + 1);
    ids.forEach((id, place) => {
      starts[place + 1] = (starts[place] as number) + Buffer.byteLength(id);
    });
    const bytes = Buffer.allocUnsafe(starts[ids.length] as number);
    ids.forEach((id, place) => {
      bytes.write(id, starts[place] as number);
    });
    return new IdTable(bytes, starts);
  }

  /**
   * Reads ids that `writeLines` wrote, from byte `from`; `end` is behind the last of them. Undefined where there are not
   * as many.
   */
  static readLines(
    lines: Buffer,
    from: number,
    count: number,
  ): { readonly table: IdTable; readonly end: number } | undefined {
    const starts = new Uint32Array(count + 1);
    const bytes = Buffer.allocUnsafe(Math.max(0, lines.length - from));
    let [at, to] = [from, 0];
    for (let place = 0; place < count; place++) {
      const end = lines.indexOf(NEWLINE, at);
      if (end < at + 2 || lines[at] !== QUOTE || lines[end - 1] !== QUOTE) return undefined;
      to += copyUnquoted(lines, at, end, bytes, to);
      starts[place + 1] = to;
      at = end + 1;
    }
    // What is held for as long as the table need not be longer than the ids.
    return { table: new IdTable(Buffer.from(bytes.subarray(0, to)), starts), end: at };
  }

  get size(): number {
    return this.#starts.length - 1;
  }

  /** Undefined beyond the last. */
  at(place: number): string | undefined {
    const end = this.#starts[place + 1];
    return end === undefined || place < 0
      ? undefined
      : this.#bytes.toString('utf8', this.#starts[place], end);
  }

  placeOf(id: string): number | undefined {
    const length = takeSought(id);
    const mask = this.#slots.length - 1;
    for (let slot = hashBytes(sought, 0, length) & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot] as number;
      if (entry === 0) return undefined;
      const start = this.#starts[entry - 1] as number;
      if ((this.#starts[entry] as number) - start === length && this.#isSought(start, length))
        return entry - 1;
    }
  }

  #isSought(start: number, length: number): boolean {
    const bytes = this.#bytes;
    // From the end: ids that are numbered differ there.
    for (let i = length - 1; i >= 0; i--) if (bytes[start + i] !== sought[i]) return false;
    return true;
  }

  *[Symbol.iterator](): Iterator<string> {
    for (let place = 0; place < this.size; place++) yield this.at(place) as string;
  }

  /** Each id as a JSON string on a line of its own: any number of them, where one text would be longer than a text can be. */
  writeLines(): Buffer[] {
    const chunks: Buffer[] = [];
    let lines = '';
    for (const id of this) {
      lines += `${JSON.stringify(id)}\n`;
      if (lines.length < CHUNK_LENGTH) continue;
      chunks.push(Buffer.from(lines));
      lines = '';
    }
    return [...chunks, Buffer.from(lines)];
  }

  #enter(place: number): void {
    const mask = this.#slots.length - 1;
    const [start, end] = [this.#starts[place] as number, this.#starts[place + 1] as number];
    let slot = hashBytes(this.#bytes, start, end - start) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = place + 1;
  }
}

/** The id that is looked for, as UTF-8: one for all tables of a thread, which look for one at a time. */
let sought = Buffer.allocUnsafeSlow(512);

/** Returns how many bytes it has. Calls of Node's that do the same take longer than the whole search: most ids are short. */
function takeSought(id: string): number {
  if (3 * id.length > sought.length) sought = Buffer.allocUnsafeSlow(6 * id.length);
  for (let i = 0; i < id.length; i++) {
    const unit = id.charCodeAt(i);
    if (unit > 0x7f) return sought.write(id);
    sought[i] = unit;
  }
  return id.length;
}
/** A table as another thread gets it; each array has a buffer of its own. */
export type SentIds = {
  readonly bytes: Uint8Array;
  readonly starts: Uint32Array;
  readonly slots: Uint32Array;
};

/** A line is a JSON string; most have nothing escaped, and are their own bytes between the quotes. */
function copyUnquoted(lines: Buffer, from: number, end: number, target: Buffer, to: number): number {
  const plain = lines.subarray(from + 1, end - 1);
  if (!plain.includes(BACKSLASH)) return plain.copy(target, to);
  return target.write(JSON.parse(lines.toString('utf8', from, end)) as string, to);
}
