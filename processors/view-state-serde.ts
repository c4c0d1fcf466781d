import type { Serde } from '#engine';
import { writeVarlong } from '#platform';
import { avroCodec, type Interaction, type ItemFacts, type ViewState } from '#schemas';

const HEADER_BYTES = 5;
const SMALLEST_BYTES = 512;
const LONGEST_COUNT = 8;
const NONE: Interaction[] = [];
/** Holds the bytes of events until all of them are gone. */
const SLAB_BYTES = 16 * 1024;
let slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
let slabEnd = 0;

/**
 * Writes view states as `values` does, byte for byte, with each pending event encoded once at most: see acceptedEvents. An
 * event is pending in the rows of several views, and in each it is written again with every change of the row until the
 * watermark has passed it; the bytes of a record are the same wherever it stands.
 */
export function viewStates(values: Serde<ViewState>): Serde<ViewState> {
  const { encodeInto: writeState } = values;
  if (writeState === undefined) return values;
  const encodeInto = ({ state, pending }: ViewState, target: Buffer, at: number): number => {
    const end = writeState({ state, pending: NONE }, target, at);
    if (end < 0 || pending.length === 0) return end;
    let bytes = LONGEST_COUNT;
    for (const event of pending) bytes += EncodedEvent.lengthOf(EncodedEvent.of(event));
    if (end + bytes > target.length) return target.length - end - bytes;
    // An array in Avro is a count, so many items, and a count of 0: the last byte of the state without any.
    let next = writeVarlong(target, end - 1, pending.length);
    for (const event of pending) next = EncodedEvent.copy(EncodedEvent.of(event), target, next);
    target[next] = 0;
    return next + 1;
  };
  const encode = (value: ViewState): Buffer => {
    let bytes = Buffer.allocUnsafe(SMALLEST_BYTES);
    let end = encodeInto(value, bytes, 0);
    for (; end < 0; end = encodeInto(value, bytes, 0)) bytes = Buffer.allocUnsafe(bytes.length - end);
    return bytes.subarray(0, end);
  };
  return { ...values, encodeInto, encode };
}

/** Events of a topic, whose bytes are kept for the rows in which they will be pending. Events of an item share its facts. */
export function acceptedEvents(values: Serde<Interaction>): Serde<Interaction> {
  const { decodeAt, isOwnAt } = values;
  if (decodeAt === undefined || isOwnAt === undefined) return values;
  return {
    ...values,
    decodeAt: (bytes, start, end) => {
      const event = decodeAt(bytes, start, end);
      if (event.item !== null && event.item_id !== null) event.item = sharedFacts(event.item_id, event.item);
      if (isOwnAt(bytes, start, end)) EncodedEvent.keep(event, bytes, start + HEADER_BYTES, end);
      return event;
    },
  };
}

const MOST_FACTS = 10_000;
/** By item. */
const facts = new Map<string, ItemFacts>();

/**
 * One object for what events say of an item again and again. Events are pending until the watermark has passed, which is
 * long enough for V8 to carry all that belongs to them into its old generation.
 */
function sharedFacts(item: string, read: ItemFacts): ItemFacts {
  const known = facts.get(item);
  if (known !== undefined && isSame(known, read)) return known;
  if (facts.size >= MOST_FACTS) facts.clear();
  facts.set(item, read);
  return read;
}

function isSame(a: ItemFacts, b: ItemFacts): boolean {
  if (a.category !== b.category || a.type !== b.type || a.tags.length !== b.tags.length) return false;
  if (a.duration_ms !== b.duration_ms || a.difficulty !== b.difficulty || a.created !== b.created)
    return false;
  for (let i = 0; i < a.tags.length; i++) if (a.tags[i] !== b.tags[i]) return false;
  return true;
}

const interactions = avroCodec('Interaction');

class Given {
  constructor(object: object) {
    // biome-ignore lint/correctness/noConstructorReturn: whoever extends this adds its fields to what it is given.
    return object;
  }
}

/**
 * Hangs on an event the bytes that it was read as, in fields that nobody else sees or copies. A WeakMap, with a Buffer for
 * each event, took the allocator and the garbage collector as long as decoding takes.
 */
class EncodedEvent extends Given {
  readonly #slab: Buffer;
  readonly #start: number;
  readonly #end: number;

  /** Copies the bytes: an event that is pending for long would hold the whole batch. */
  constructor(event: Interaction, bytes: Buffer, start: number, end: number) {
    super(event);
    if (slabEnd + end - start > slab.length) {
      slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, end - start));
      slabEnd = 0;
    }
    this.#slab = slab;
    this.#start = slabEnd;
    slabEnd += bytes.copy(slab, slabEnd, start, end);
    this.#end = slabEnd;
  }

  static keep(event: Interaction, bytes: Buffer, start: number, end: number): EncodedEvent {
    return new EncodedEvent(event, bytes, start, end);
  }

  static of(event: Interaction): EncodedEvent {
    if (#slab in event) return event;
    const bytes = interactions.encode(0, event);
    return EncodedEvent.keep(event, bytes, HEADER_BYTES, bytes.length);
  }

  /** Length of what `of` returns. */
  static lengthOf(event: EncodedEvent): number {
    return event.#end - event.#start;
  }

  /** Returns the index after it. */
  static copy(event: EncodedEvent, target: Buffer, at: number): number {
    return at + event.#slab.copy(target, at, event.#start, event.#end);
  }
}
