/** The values of the peer's benchmark as it writes them: like Avro, but numbers of eight bytes come highest byte first. */
import { createHash } from 'node:crypto';
import type { Serde } from '#engine';
import type { Serdes } from '../engine/cases.ts';
import type { Enriched, Profile, Totals, View } from '../engine/events.ts';

const CATEGORIES = ['film', 'series', 'sport'] as const;

class Input {
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  over(bytes: Buffer): this {
    this.#bytes = bytes;
    this.#at = 0;
    return this;
  }

  /** Zigzag varint of up to 53 bits. */
  number(): number {
    const first = this.#bytes[this.#at] as number;
    if (first < 128) {
      this.#at++;
      return (first >>> 1) ^ -(first & 1);
    }
    let value = 0;
    for (let unit = 1; ; unit *= 128) {
      const byte = this.#bytes[this.#at++] as number;
      value += (byte & 127) * unit;
      if (byte < 128) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
  }

  long(): number {
    this.#at += 8;
    return this.#bytes.readInt32BE(this.#at - 8) * 2 ** 32 + this.#bytes.readUInt32BE(this.#at - 4);
  }

  double(): number {
    this.#at += 8;
    return this.#bytes.readDoubleBE(this.#at - 8);
  }

  text(): string {
    const length = this.number();
    this.#at += length;
    return this.#bytes.toString('utf8', this.#at - length, this.#at);
  }
}

class Output {
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  over(bytes: Buffer, at: number): this {
    this.#bytes = bytes;
    this.#at = at;
    return this;
  }

  get end(): number {
    return this.#at;
  }

  number(value: number): this {
    let rest = value < 0 ? -2 * value - 1 : 2 * value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#bytes[this.#at++] = (rest % 128) | 128;
    this.#bytes[this.#at++] = rest;
    return this;
  }

  long(value: number): this {
    const high = Math.floor(value / 2 ** 32);
    this.#at = this.#bytes.writeInt32BE(high, this.#at);
    this.#at = this.#bytes.writeUInt32BE(value - high * 2 ** 32, this.#at);
    return this;
  }

  double(value: number): this {
    this.#at = this.#bytes.writeDoubleBE(value, this.#at);
    return this;
  }

  /** ASCII, as all texts of the benchmark are. */
  text(value: string): this {
    this.number(value.length);
    for (let i = 0; i < value.length; i++) this.#bytes[this.#at++] = value.charCodeAt(i);
    return this;
  }
}

const input = new Input();
const output = new Output();
/** More than any value of the benchmark takes. */
const ROOM = 1024;
const scratch = Buffer.alloc(ROOM);

function serde<V>(name: string, write: (value: V) => unknown, read: (input: Input) => V): Serde<V> {
  const encodeInto = (value: V, target: Buffer, at: number) => {
    if (at + ROOM > target.length) return target.length - at - ROOM;
    output.over(target, at);
    write(value);
    return output.end;
  };
  return {
    encode: (value) => Buffer.from(scratch.subarray(0, encodeInto(value, scratch, 0))),
    encodeInto,
    decode: (bytes) => read(input.over(bytes)),
    prepare: async () => {},
    fingerprint: createHash('sha256').update(name).digest(),
    framing: 0,
  };
}

function writeView({ item, category, watch, ts, session, device, country, referrer }: View): void {
  output.text(item).number(CATEGORIES.indexOf(category)).double(watch).number(ts);
  output.text(session).text(device).text(country).text(referrer);
}

function readView(input: Input): View {
  return {
    item: input.text(),
    category: CATEGORIES[input.number()] ?? 'film',
    watch: input.double(),
    ts: input.number(),
    session: input.text(),
    device: input.text(),
    country: input.text(),
    referrer: input.text(),
  };
}

function writeProfile({ plan, country, signup, segment }: Profile): void {
  output.text(plan).text(country).number(signup).text(segment);
}

const readProfile = (input: Input): Profile => ({
  plan: input.text(),
  country: input.text(),
  signup: input.number(),
  segment: input.text(),
});

function writeEnriched({ view, profile }: Enriched): void {
  writeView(view);
  writeProfile(profile);
}

function writeTotals({ count, sum, last, film, series, sport, item, session }: Totals): void {
  output.long(count).double(sum).long(last).double(film).double(series).double(sport);
  output.text(item).text(session);
}

const readTotals = (input: Input): Totals => ({
  count: input.long(),
  sum: input.double(),
  last: input.long(),
  film: input.double(),
  series: input.double(),
  sport: input.double(),
  item: input.text(),
  session: input.text(),
});

export const peerSerdes: Serdes = {
  view: serde('view', writeView, readView),
  profile: serde('profile', writeProfile, readProfile),
  enriched: serde('enriched', writeEnriched, (input) => ({
    view: readView(input),
    profile: readProfile(input),
  })),
  totals: serde('totals', writeTotals, readTotals),
  count: serde<number>(
    'count',
    (value) => output.long(value),
    (input) => input.long(),
  ),
};
