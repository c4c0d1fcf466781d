/**
 * The generator of NEXMark (Tucker et al., 2008) in the proportions of Apache Beam's and Flink's: of 50 events 1 person,
 * 3 auctions and 46 bids; half of the bids for a hot auction, three quarters of bids and auctions by a hot person, bids a
 * little ahead of auctions and persons that are yet to come. Equal options give equal events.
 */
import type { Auction, Bid, Event, Person, SideRow } from './events.ts';

export type GeneratorOptions = {
  readonly events: number;
  readonly seed: number;
  /** In event time. */
  readonly eventsPerSecond: number;
  /** Event time of the first event, ms since 1970. */
  readonly startMs: number;
  /** How far, in event time, an event may come behind later ones. */
  readonly outOfOrderMs: number;
};

const EPOCH = 50;
const PERSONS = 1;
const AUCTIONS = 3;
const FIRST_ID = 1_000;
const FIRST_CATEGORY = 10;
const CATEGORIES = 5;
const ACTIVE_PERSONS = 1_000;
const IN_FLIGHT_AUCTIONS = 100;
/** How far ids may lie ahead of the newest person or auction. */
const LEAD = 10;
/** The hot person or auction changes each time that this many have come. */
const HOT_STRETCH = 100;
const CHANNELS = 10_000;
const SIDE_ROWS = 10_000;
const HOT_CHANNELS = ['Google', 'Facebook', 'Baidu', 'Apple'];
const STATES = ['AZ', 'CA', 'ID', 'OR', 'WA', 'WY'];
const CITIES = ['Phoenix', 'Los Angeles', 'San Francisco', 'Boise', 'Portland', 'Bend', 'Redmond', 'Seattle'];
const FIRST_NAMES = ['Peter', 'Paul', 'Luke', 'John', 'Saul', 'Vicky', 'Kate', 'Julie', 'Sarah', 'Walter'];
const LAST_NAMES = ['Shultz', 'Abrams', 'Spencer', 'White', 'Bartels', 'Walton', 'Smith', 'Jones', 'Noris'];

/** The longest that an auction lasts, in events. */
const LONGEST_AUCTION = (2 * IN_FLIGHT_AUCTIONS * EPOCH) / AUCTIONS;

/** The events in the order in which they arrive. */
export function* generate(options: GeneratorOptions): Generator<Event> {
  const { events, eventsPerSecond, outOfOrderMs } = options;
  const maker = new EventMaker(options);
  // Shuffled within groups that span no more than the bound, as Beam's generator does.
  const group = Math.max(1, Math.floor((outOfOrderMs * eventsPerSecond) / 1e3));
  for (let from = 0; from < events; from += group) {
    const numbers = Array.from({ length: Math.min(group, events - from) }, (_, i) => from + i);
    if (group > 1) maker.random.shuffle(numbers);
    for (const number of numbers) yield maker.event(number);
  }
}

/** The rows of query 13's side input. */
export function sideInput(seed: number): SideRow[] {
  const random = new Random(seed);
  return Array.from({ length: SIDE_ROWS }, (_, key) => ({ key, value: random.text(8) }));
}

/** Event time by which everything has happened, auctions that are open at the end included. */
export function endMs({ events, eventsPerSecond, startMs }: GeneratorOptions): number {
  return startMs + Math.ceil(((events + LONGEST_AUCTION) * 1e3) / eventsPerSecond) + 1;
}

class EventMaker {
  readonly random: Random;
  readonly #options: GeneratorOptions;
  readonly #urls: readonly string[];

  constructor(options: GeneratorOptions) {
    this.#options = options;
    this.random = new Random(options.seed);
    this.#urls = Array.from({ length: CHANNELS + HOT_CHANNELS.length }, (_, channel) => {
      const url = `https://www.nexmark.com/${this.#part()}/${this.#part()}/${this.#part()}/item.htm?query=1`;
      return channel < CHANNELS && this.random.below(10) > 0 ? `${url}&channel_id=${channel * 7919}` : url;
    });
  }

  event(number: number): Event {
    const dateTime = this.#timeOf(number);
    const place = number % EPOCH;
    if (place < PERSONS) return { kind: 'person', value: this.#person(number, dateTime) };
    if (place < PERSONS + AUCTIONS) return { kind: 'auction', value: this.#auction(number, dateTime) };
    return { kind: 'bid', value: this.#bid(number, dateTime) };
  }

  #person(number: number, dateTime: number): Person {
    const { random } = this;
    return {
      id: FIRST_ID + lastPerson(number),
      name: `${random.of(FIRST_NAMES)} ${random.of(LAST_NAMES)}`,
      emailAddress: `${random.text(7)}@${random.text(5)}.com`,
      creditCard: Array.from({ length: 4 }, () => String(1_000 + random.below(9_000))).join(' '),
      city: random.of(CITIES),
      state: random.of(STATES),
      dateTime,
      extra: random.text(80 + random.below(40)),
    };
  }

  #auction(number: number, dateTime: number): Auction {
    const { random } = this;
    const initialBid = this.#price();
    const hotSeller = Math.floor(lastPerson(number) / HOT_STRETCH) * HOT_STRETCH;
    const lengthMs = this.#timeOf(number + random.below(LONGEST_AUCTION)) - dateTime;
    return {
      id: FIRST_ID + lastAuction(number),
      itemName: random.text(20),
      description: random.text(100),
      initialBid,
      reserve: initialBid + this.#price(),
      dateTime,
      expires: dateTime + 1 + lengthMs,
      seller: FIRST_ID + (random.below(4) > 0 ? hotSeller : this.#activePerson(number)),
      category: FIRST_CATEGORY + random.below(CATEGORIES),
      extra: random.text(250 + random.below(100)),
    };
  }

  #bid(number: number, dateTime: number): Bid {
    const { random } = this;
    const hotAuction = Math.floor(lastAuction(number) / HOT_STRETCH) * HOT_STRETCH;
    // The second of the stretch: hot bidders and hot sellers are different people.
    const hotBidder = Math.floor(lastPerson(number) / HOT_STRETCH) * HOT_STRETCH + 1;
    const isHotChannel = random.below(2) > 0;
    const channel = random.below(isHotChannel ? HOT_CHANNELS.length : CHANNELS);
    return {
      auction: FIRST_ID + (random.below(2) > 0 ? hotAuction : this.#openAuction(number)),
      bidder: FIRST_ID + (random.below(4) > 0 ? hotBidder : this.#activePerson(number)),
      price: this.#price(),
      channel: isHotChannel ? (HOT_CHANNELS[channel] ?? '') : `channel-${channel}`,
      url: this.#urls[isHotChannel ? CHANNELS + channel : channel] ?? '',
      dateTime,
      extra: random.text(50 + random.below(36)),
    };
  }

  #openAuction(number: number): number {
    const last = lastAuction(number);
    const first = Math.max(0, last - IN_FLIGHT_AUCTIONS);
    return first + this.random.below(last - first + 1 + LEAD);
  }

  #activePerson(number: number): number {
    const persons = lastPerson(number) + 1;
    const active = Math.min(persons, ACTIVE_PERSONS);
    return persons - active + this.random.below(active + LEAD);
  }

  /** From 100 to 100,000,000 cents, evenly on a logarithmic scale. */
  #price(): number {
    return Math.round(10 ** (this.random.fraction() * 6) * 100);
  }

  #part(): string {
    return `${this.random.text(2)}_${this.random.text(2)}`;
  }

  #timeOf(number: number): number {
    return this.#options.startMs + Math.floor((number * 1e3) / this.#options.eventsPerSecond);
  }
}

/** The newest person when event `number` happens, from 0. */
function lastPerson(number: number): number {
  return Math.floor(number / EPOCH);
}

/** The newest auction then, for auctions and bids. */
function lastAuction(number: number): number {
  const place = number % EPOCH;
  const ofEpoch = Math.min(AUCTIONS - 1, place - PERSONS);
  return Math.floor(number / EPOCH) * AUCTIONS + ofEpoch;
}

/** Mulberry32: 32 bits at a time. */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let bits = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  }

  below(bound: number): number {
    return Math.floor(this.fraction() * bound);
  }

  of(values: readonly string[]): string {
    return values[this.below(values.length)] ?? '';
  }

  /** Lower-case letters. */
  text(length: number): string {
    let text = '';
    for (let i = 0; i < length; i++) text += String.fromCharCode(97 + this.below(26));
    return text;
  }

  shuffle(values: number[]): void {
    for (let last = values.length - 1; last > 0; last--) {
      const other = this.below(last + 1);
      [values[last], values[other]] = [values[other] as number, values[last] as number];
    }
  }
}
