/**
 * The values of the peer's benchmark as it writes them: like Avro, but numbers of eight bytes come highest byte first. Read
 * and written field by field, as the product's compiled Avro codecs do.
 */

import { createHash } from 'node:crypto';
import type { Serde } from '#engine';
import type { Serdes } from '../engine/cases.ts';
import type { Enriched, Profile, Totals, View } from '../engine/events.ts';

const CATEGORIES = ['film', 'series', 'sport'] as const;
/** Above this length a native call takes less time than a loop. */
const LONGEST_LOOP = 14;
/** Of a varint: four of its bytes. */
const HALF_BITS = 28;
/** More than any value of the benchmark takes. */
const ROOM = 256;

/** The bytes at hand, and the place in them. */
let bytes: Buffer = Buffer.alloc(0);
let view = new DataView(bytes.buffer);
let at = 0;

function go(to: Buffer, place: number): void {
  at = place;
  if (to === bytes) return;
  bytes = to;
  view = new DataView(to.buffer, to.byteOffset, to.length);
}

/** Zigzag varint of up to 53 bits, in two halves that are integers of the processor. */
function readNumber(): number {
  let byte = bytes[at++] as number;
  if (byte < 128) return (byte >>> 1) ^ -(byte & 1);
  let low = byte & 127;
  let shift = 7;
  for (; byte >= 128 && shift < HALF_BITS; shift += 7) {
    byte = bytes[at++] as number;
    low |= (byte & 127) << shift;
  }
  let high = 0;
  for (shift = 0; byte >= 128; shift += 7) {
    byte = bytes[at++] as number;
    high |= (byte & 127) << shift;
  }
  const value = low + high * 2 ** HALF_BITS;
  return low & 1 ? -(value + 1) / 2 : value / 2;
}

function writeNumber(value: number): void {
  const zigzag = value < 0 ? -2 * value - 1 : 2 * value;
  const high = Math.floor(zigzag / 2 ** HALF_BITS);
  let rest = zigzag - high * 2 ** HALF_BITS;
  if (high > 0) {
    for (let bits = 0; bits < HALF_BITS; bits += 7) {
      bytes[at++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    rest = high;
  }
  for (; rest >= 128; rest >>>= 7) bytes[at++] = (rest & 127) | 128;
  bytes[at++] = rest;
}

function readLong(): number {
  at += 8;
  return view.getInt32(at - 8) * 2 ** 32 + view.getUint32(at - 4);
}

function writeLong(value: number): void {
  const high = Math.floor(value / 2 ** 32);
  view.setInt32(at, high);
  view.setUint32(at + 4, value - high * 2 ** 32);
  at += 8;
}

function readDouble(): number {
  at += 8;
  return view.getFloat64(at - 8);
}

function writeDouble(value: number): void {
  view.setFloat64(at, value);
  at += 8;
}

function readText(): string {
  const length = readNumber();
  const start = at;
  at += length;
  return bytes.toString('utf8', start, at);
}

/** ASCII, as all texts of the benchmark are. */
function writeText(value: string): void {
  const { length } = value;
  writeNumber(length);
  if (length > LONGEST_LOOP) bytes.write(value, at);
  else for (let i = 0; i < length; i++) bytes[at + i] = value.charCodeAt(i);
  at += length;
}

function serde<V>(name: string, write: (value: V) => void, read: () => V): Serde<V> {
  const encodeInto = (value: V, target: Buffer, start: number) => {
    if (start + ROOM > target.length) return target.length - start - ROOM;
    go(target, start);
    write(value);
    return at;
  };
  const scratch = Buffer.alloc(ROOM);
  const decodeAt = (from: Buffer, start: number) => {
    go(from, start);
    return read();
  };
  return {
    encode: (value) => Buffer.from(scratch.subarray(0, encodeInto(value, scratch, 0))),
    encodeInto,
    decode: (from) => decodeAt(from, 0),
    decodeAt,
    // There is one way to write a value.
    isOwnAt: () => true,
    prepare: async () => {},
    fingerprint: createHash('sha256').update(name).digest(),
    framing: 0,
  };
}

function writeView({ item, category, watch, ts, session, device, country, referrer }: View): void {
  writeText(item);
  writeNumber(CATEGORIES.indexOf(category));
  writeDouble(watch);
  writeNumber(ts);
  writeText(session);
  writeText(device);
  writeText(country);
  writeText(referrer);
}

const readView = (): View => ({
  item: readText(),
  category: CATEGORIES[readNumber()] ?? 'film',
  watch: readDouble(),
  ts: readNumber(),
  session: readText(),
  device: readText(),
  country: readText(),
  referrer: readText(),
});

function writeProfile({ plan, country, signup, segment }: Profile): void {
  writeText(plan);
  writeText(country);
  writeNumber(signup);
  writeText(segment);
}

const readProfile = (): Profile => ({
  plan: readText(),
  country: readText(),
  signup: readNumber(),
  segment: readText(),
});

function writeEnriched({ view: viewed, profile }: Enriched): void {
  writeView(viewed);
  writeProfile(profile);
}

const readEnriched = (): Enriched => ({ view: readView(), profile: readProfile() });

function writeTotals({ count, sum, last, film, series, sport, item, session }: Totals): void {
  writeLong(count);
  writeDouble(sum);
  writeLong(last);
  writeDouble(film);
  writeDouble(series);
  writeDouble(sport);
  writeText(item);
  writeText(session);
}

const readTotals = (): Totals => ({
  count: readLong(),
  sum: readDouble(),
  last: readLong(),
  film: readDouble(),
  series: readDouble(),
  sport: readDouble(),
  item: readText(),
  session: readText(),
});

export const peerSerdes: Serdes = {
  view: serde('view', writeView, readView),
  profile: serde('profile', writeProfile, readProfile),
  enriched: serde('enriched', writeEnriched, readEnriched),
  totals: serde('totals', writeTotals, readTotals),
  count: serde<number>('count', writeLong, readLong),
};
