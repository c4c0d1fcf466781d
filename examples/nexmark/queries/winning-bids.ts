/** Queries over what auctions were sold for. */
import { defineProcessor, port, type Serde, type Stream, type TopologyBuilder } from '#engine';
import { auctionFields, type Inputs } from '../events.ts';
import { query } from '../query.ts';
import type { Row } from '../rows.ts';
import { DAY_MS } from './dates.ts';

/** An auction with one of its bids. */
const offerFields = {
  ...auctionFields,
  auction: 'long',
  bidder: 'long',
  price: 'long',
  bid_dateTime: 'long',
  bid_extra: 'string',
} as const;
type Offer = Row<typeof offerFields>;

/** Each bid that was made while its auction was open, with the auction. */
function offers(inputs: Inputs & { readonly builder: TopologyBuilder }): Stream<string, Offer> {
  const { builder, auctions, bids, auction, bid, time } = inputs;
  // A stream made into a table: unlike one of `builder.table`, time waits for it.
  const opened = builder.source(auctions, time).toTable(auction).versioned({ historyMs: DAY_MS });
  return builder.source(bids, time).join(
    'offers',
    opened,
    ({ bidder, price, dateTime, extra }, auction) => {
      if (auction === undefined || dateTime > auction.expires) return undefined;
      return { ...auction, auction: auction.id, bidder, price, bid_dateTime: dateTime, bid_extra: extra };
    },
    // Until everything of the bid's own millisecond is there: its auction may have been opened in it.
    { graceMs: 1, value: bid },
  );
}

/** The higher of two bids, the earlier of equal ones. */
function better(a: Offer, b: Offer): Offer {
  const difference = b.price - a.price || a.bid_dateTime - b.bid_dateTime || a.bidder - b.bidder;
  return difference > 0 ? b : a;
}

export const q4 = query({
  title: 'Average price of a category',
  result: 'table',
  output: { category: 'long', average: 'double' },
  state: { offer: offerFields, sum: { category: 'long', price: 'long', auctions: 'long' } },
  declare: ({ serdes, output, ...inputs }) => {
    offers(inputs)
      .reduce('winning', better, { value: serdes.offer })
      // An auction whose winning bid changes leaves the sum with its old price, and comes in with the new one.
      .groupBy('by-category', ({ category }) => String(category))
      .aggregate('sums', {
        initial: () => ({ category: 0, price: 0, auctions: 0 }),
        add: (sum, { category, price }) => ({
          category,
          price: sum.price + price,
          auctions: sum.auctions + 1,
        }),
        subtract: (sum, { price }) => ({ ...sum, price: sum.price - price, auctions: sum.auctions - 1 }),
        value: serdes.sum,
        emit: 'per-commit',
      })
      .map(({ category, price, auctions }) => ({ category, average: price / auctions }), output.value)
      .to(output);
  },
});

export const q9 = query({
  title: 'Winning bids',
  result: 'table',
  output: offerFields,
  declare: ({ output, ...inputs }) => {
    offers(inputs).reduce('winning', better, { value: output.value, emit: 'per-commit' }).to(output);
  },
});

const LAST_SALES = 10;

const salesFields = {
  /** Sold, but others that were sold before may still be on their way. */
  waiting: [{ auction: 'long', price: 'long', expires: 'long' }],
  last: [{ price: 'long' }],
} as const;

const averageFields = { seller: 'long', auction: 'long', expires: 'long', average: 'double' } as const;

export const q6 = query({
  title: 'Average price of a seller’s last 10 auctions',
  result: 'stream',
  output: averageFields,
  state: { offer: offerFields, sales: salesFields },
  declare: ({ serdes, output, ...inputs }) => {
    const { builder } = inputs;
    const sold = builder.process('sold', soldAtTheEnd(serdes.offer), { offers: offers(inputs) }).sold;
    const ofSeller = sold.keyBy('by-seller', ({ seller }) => String(seller), { value: serdes.offer });
    builder.process('last-sales', lastSales(serdes.sales), { sold: ofSeller }).averages.to(output);
  },
});

/** Each auction with its winning bid, once, when it is over. */
function soldAtTheEnd(offer: Serde<Offer>) {
  return defineProcessor({
    inputs: { offers: port<string, Offer>() },
    outputs: { sold: port<string, Offer>() },
    stores: { winning: { value: offer } },
    process: {
      offers: ({ key, value, timestamp }, { stores, setTimer }) => {
        const winning = stores.winning.get(key);
        stores.winning.put(key, winning === undefined ? value : better(winning, value), timestamp);
        if (winning === undefined) setTimer(key, value.expires + 1, value.expires);
      },
    },
    onTimer: (key, dueMs, { stores, emit }) => {
      const winning = stores.winning.get(key);
      if (winning !== undefined) emit('sold', key, winning, winning.expires);
      stores.winning.delete(key, dueMs);
    },
  });
}

/** The average of a seller's last sales, after each one, in the order in which they were made. */
function lastSales(sales: Serde<Row<typeof salesFields>>) {
  return defineProcessor({
    inputs: { sold: port<string, Offer>() },
    outputs: { averages: port<string, Row<typeof averageFields>>() },
    stores: { sales: { value: sales } },
    process: {
      sold: ({ key, value: { auction, price, expires }, timestamp }, { stores, setTimer }) => {
        const { waiting, last } = stores.sales.get(key) ?? { waiting: [], last: [] };
        const all = [...waiting, { auction, price, expires }].sort(
          (a, b) => a.expires - b.expires || a.auction - b.auction,
        );
        stores.sales.put(key, { waiting: all, last }, timestamp);
        const [{ expires: next } = { expires }] = all;
        setTimer(key, next + 1, next);
      },
    },
    onTimer: (key, dueMs, { stores, emit, setTimer }) => {
      const { waiting, last } = stores.sales.get(key) ?? { waiting: [], last: [] };
      let prices = last;
      for (const { auction, price, expires } of waiting) {
        if (expires >= dueMs) continue;
        prices = [...prices, { price }].slice(-LAST_SALES);
        const average = prices.reduce((sum, each) => sum + each.price, 0) / prices.length;
        emit('averages', key, { seller: Number(key), auction, expires, average }, expires);
      }
      const rest = waiting.filter(({ expires }) => expires >= dueMs);
      stores.sales.put(key, { waiting: rest, last: prices }, dueMs);
      const [next] = rest;
      if (next !== undefined) setTimer(key, next.expires + 1, next.expires);
    },
  });
}
