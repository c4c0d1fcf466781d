import { type Serde, type SourceOptions, type Topic, TopicWriter, textKey } from '#engine';
import type { Log, SchemaRegistry } from '#log';
import { type Row, serdeOf } from './rows.ts';

/** Someone who sells, bids, or both. Times are ms since 1970, prices cents. */
export const personFields = {
  id: 'long',
  name: 'string',
  emailAddress: 'string',
  creditCard: 'string',
  city: 'string',
  state: 'string',
  dateTime: 'long',
  extra: 'string',
} as const;

/** An item under auction until `expires`. */
export const auctionFields = {
  id: 'long',
  itemName: 'string',
  description: 'string',
  initialBid: 'long',
  reserve: 'long',
  dateTime: 'long',
  expires: 'long',
  seller: 'long',
  category: 'long',
  extra: 'string',
} as const;

export const bidFields = {
  auction: 'long',
  bidder: 'long',
  price: 'long',
  channel: 'string',
  url: 'string',
  dateTime: 'long',
  extra: 'string',
} as const;

/** A row of the bounded table that query 13 looks bids up in. */
export const sideFields = { key: 'long', value: 'string' } as const;

export type Person = Row<typeof personFields>;
export type Auction = Row<typeof auctionFields>;
export type Bid = Row<typeof bidFields>;
export type SideRow = Row<typeof sideFields>;

export type Event =
  | { readonly kind: 'person'; readonly value: Person }
  | { readonly kind: 'auction'; readonly value: Auction }
  | { readonly kind: 'bid'; readonly value: Bid };

/** What queries read: a topic for each kind of event, with the serdes for the state that holds events. */
export type Inputs = {
  readonly persons: Topic<string, Person>;
  readonly auctions: Topic<string, Auction>;
  /** Under the auction's id, so that bids and auctions meet without another way. */
  readonly bids: Topic<string, Bid>;
  readonly side: Topic<string, SideRow>;
  readonly person: Serde<Person>;
  readonly auction: Serde<Auction>;
  readonly bid: Serde<Bid>;
  /** For each source: how far its events may be out of order. */
  readonly time: SourceOptions;
};

const kept = { policy: 'delete', retentionMs: null } as const;
const compacted = { policy: 'compact', tombstoneRetentionMs: 86_400_000 } as const;

export async function openInputs(
  registry: SchemaRegistry,
  options: { readonly partitions: number; readonly outOfOrderMs: number },
): Promise<Inputs> {
  const { partitions, outOfOrderMs } = options;
  const person = await serdeOf(registry, 'persons', personFields);
  const auction = await serdeOf(registry, 'auctions', auctionFields);
  const bid = await serdeOf(registry, 'bids', bidFields);
  const side = await serdeOf(registry, 'side', sideFields);
  return {
    persons: { name: 'persons', partitions, cleanup: kept, key: textKey, value: person },
    auctions: { name: 'auctions', partitions, cleanup: kept, key: textKey, value: auction },
    bids: { name: 'bids', partitions, cleanup: kept, key: textKey, value: bid },
    side: { name: 'side', partitions: 1, cleanup: compacted, key: textKey, value: side },
    person,
    auction,
    bid,
    time: { watermark: { outOfOrderMs } },
  };
}

/** Writes events to their topics, in the order in which they are given. */
export class EventWriter {
  readonly #persons: TopicWriter<string, Person>;
  readonly #auctions: TopicWriter<string, Auction>;
  readonly #bids: TopicWriter<string, Bid>;

  private constructor(
    persons: TopicWriter<string, Person>,
    auctions: TopicWriter<string, Auction>,
    bids: TopicWriter<string, Bid>,
  ) {
    this.#persons = persons;
    this.#auctions = auctions;
    this.#bids = bids;
  }

  static async open(log: Log, { persons, auctions, bids }: Inputs): Promise<EventWriter> {
    return new EventWriter(
      await TopicWriter.open(log, persons),
      await TopicWriter.open(log, auctions),
      await TopicWriter.open(log, bids),
    );
  }

  async write(events: readonly Event[]): Promise<void> {
    const of = <K extends Event['kind']>(kind: K) =>
      events.filter((event): event is Extract<Event, { kind: K }> => event.kind === kind);
    const record = <V extends { readonly dateTime: number }>(key: number, value: V) => ({
      key: String(key),
      value,
      timestamp: value.dateTime,
    });
    await Promise.all([
      this.#persons.write(of('person').map(({ value }) => record(value.id, value))),
      this.#auctions.write(of('auction').map(({ value }) => record(value.id, value))),
      this.#bids.write(of('bid').map(({ value }) => record(value.auction, value))),
    ]);
  }

  /** Nothing before `ms` will follow: the last windows and auctions may close. */
  async announce(ms: number): Promise<void> {
    await Promise.all([this.#persons, this.#auctions, this.#bids].map((writer) => writer.announce(ms)));
  }

  async close(): Promise<void> {
    await Promise.all([this.#persons, this.#auctions, this.#bids].map((writer) => writer.close()));
  }
}
