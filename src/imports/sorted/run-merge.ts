/** The records of sorted runs in one order; holds a piece of each run in memory. */
import { closeSync, openSync, readSync } from 'node:fs';
import { FatalError } from '#platform';
import {
  HEADER_BYTES,
  keyLengthAt,
  kindAt,
  lengthAt,
  orderAt,
  type RecordKind,
  timeAt,
} from './record-layout.ts';

const PIECE_BYTES = 1 << 18;

export class RunMerge {
  /** A binary heap: the run whose next record comes first is on top. */
  readonly #heap: Run[] = [];
  readonly #runs: readonly Run[];

  /** The runs in the order in which they were written. */
  constructor(paths: readonly string[]) {
    this.#runs = paths.map((path, index) => new Run(path, index));
    for (const run of this.#runs) {
      if (!run.load()) continue;
      this.#heap.push(run);
      this.#up(this.#heap.length - 1);
    }
  }

  /** The run at its next record; undefined when there is none. Its accessors hold until `advance`. */
  get next(): Omit<Run, 'load'> | undefined {
    return this.#heap[0];
  }

  advance(): void {
    const top = this.#heap[0] as Run;
    if (!top.advance()) {
      const last = this.#heap.pop() as Run;
      if (this.#heap.length === 0) return;
      this.#heap[0] = last;
    }
    this.#down(0);
  }

  close(): void {
    for (const run of this.#runs) run.close();
  }

  #up(at: number): void {
    for (let child = at; child > 0; ) {
      const parent = (child - 1) >> 1;
      if (!this.#swapIfLess(child, parent)) return;
      child = parent;
    }
  }

  #down(at: number): void {
    for (let parent = at; ; ) {
      const left = 2 * parent + 1;
      if (left >= this.#heap.length) return;
      const right = left + 1;
      const less =
        right < this.#heap.length && isLess(this.#heap[right] as Run, this.#heap[left] as Run) ? right : left;
      if (!this.#swapIfLess(less, parent)) return;
      parent = less;
    }
  }

  #swapIfLess(child: number, parent: number): boolean {
    const [lower, upper] = [this.#heap[child] as Run, this.#heap[parent] as Run];
    if (!isLess(lower, upper)) return false;
    this.#heap[child] = upper;
    this.#heap[parent] = lower;
    return true;
  }
}

/** At equal time and order the earlier run comes first, so the order of adding is kept. */
function isLess(left: Run, right: Run): boolean {
  return (left.time - right.time || left.order - right.order || left.index - right.index) < 0;
}

class Run {
  readonly index: number;
  readonly #path: string;
  readonly #file: number;
  #bytes: Buffer = Buffer.allocUnsafe(PIECE_BYTES);
  #at = 0;
  #end = 0;
  #length = 0;
  #isOpen = true;
  time = 0;
  order = 0;

  constructor(path: string, index: number) {
    this.#path = path;
    this.#file = openSync(path, 'r');
    this.index = index;
  }

  get kind(): RecordKind {
    return kindAt(this.#bytes, this.#at);
  }

  get key(): Buffer {
    const start = this.#at + HEADER_BYTES;
    return this.#bytes.subarray(start, start + keyLengthAt(this.#bytes, this.#at));
  }

  get value(): Buffer {
    const start = this.#at + HEADER_BYTES + keyLengthAt(this.#bytes, this.#at);
    return this.#bytes.subarray(start, this.#at + this.#length);
  }

  advance(): boolean {
    this.#at += this.#length;
    return this.load();
  }

  /** Has the whole record at hand; false at the end. */
  load(): boolean {
    if (!this.#has(HEADER_BYTES)) {
      if (this.#at === this.#end) return false;
      throw this.#damaged();
    }
    this.#length = lengthAt(this.#bytes, this.#at);
    if (!this.#has(this.#length)) throw this.#damaged();
    this.time = timeAt(this.#bytes, this.#at);
    this.order = orderAt(this.#bytes, this.#at);
    return true;
  }

  close(): void {
    if (this.#isOpen) closeSync(this.#file);
    this.#isOpen = false;
  }

  #has(bytes: number): boolean {
    if (this.#end - this.#at >= bytes) return true;
    const rest = this.#bytes.subarray(this.#at, this.#end);
    const target = bytes > this.#bytes.length ? Buffer.allocUnsafe(2 * bytes) : this.#bytes;
    rest.copy(target);
    this.#bytes = target;
    this.#at = 0;
    this.#end = rest.length;
    while (this.#end < target.length) {
      const read = readSync(this.#file, target, this.#end, target.length - this.#end, null);
      if (read === 0) break;
      this.#end += read;
    }
    return this.#end >= bytes;
  }

  #damaged(): FatalError {
    return new FatalError('MR_IMPORT_RUN_DAMAGED', `${this.#path} ends in the middle of a record.`, {
      hint: 'Remove its folder and import again: reading starts over, publishing continues where it was.',
    });
  }
}
