/** Queries that look up one thing for another. */
import { bidFields } from '../events.ts';
import { query } from '../query.ts';

export const q3 = query({
  title: 'Local item suggestion',
  result: 'table',
  output: { name: 'string', city: 'string', state: 'string', id: 'long' },
  declare: ({ builder, persons, auctions, output }) => {
    const local = builder.table(persons).filter(({ state }) => ['OR', 'ID', 'CA'].includes(state));
    builder
      .table(auctions)
      .filter(({ category }) => category === 10)
      .joinForeignKey(
        'local-items',
        local,
        ({ seller }) => String(seller),
        ({ id }, { name, city, state }) => ({ name, city, state, id }),
        { value: output.value },
      )
      .to(output);
  },
});

export const q13 = query({
  title: 'Bounded side input',
  result: 'stream',
  output: { auction: 'long', bidder: 'long', price: 'long', dateTime: 'long', value: 'string' },
  declare: ({ builder, bids, side, time, output }) => {
    builder
      .source(bids, time)
      .joinGlobal(
        'side-input',
        builder.globalTable(side),
        ({ value: { auction } }) => String(auction % 10_000),
        ({ auction, bidder, price, dateTime }, { value }) => ({ auction, bidder, price, dateTime, value }),
      )
      .to(output);
  },
});

/** Bids are made while their auction is open, or a little before: nobody has to keep them for ever. */
export const BEFORE_MS = 60_000;
export const AFTER_MS = 600_000;

export const q20 = query({
  title: 'Bids with their auction',
  result: 'stream',
  output: {
    ...bidFields,
    itemName: 'string',
    description: 'string',
    initialBid: 'long',
    reserve: 'long',
    auction_dateTime: 'long',
    expires: 'long',
    seller: 'long',
    category: 'long',
    auction_extra: 'string',
  },
  declare: ({ builder, auctions, bids, auction, bid, time, output }) => {
    builder
      .source(auctions, time)
      .filter(({ category }) => category === 10)
      .joinStream('with-bids', builder.source(bids, time), {
        beforeMs: BEFORE_MS,
        afterMs: AFTER_MS,
        graceMs: 0,
        value: auction,
        other: bid,
        join: ({ id: _, dateTime, extra, ...auction }, bid) => {
          return { ...auction, ...bid, auction_dateTime: dateTime, auction_extra: extra };
        },
      })
      .to(output);
  },
});
