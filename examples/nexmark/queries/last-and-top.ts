/** Queries that keep some of the bids under each key. */
import { type Bid, bidFields } from '../events.ts';
import { query } from '../query.ts';

export const q18 = query({
  title: 'Last bid of a bidder for an auction',
  result: 'table',
  output: bidFields,
  declare: ({ builder, bids, bid, time, output }) => {
    // Bids may come out of order; of two in one millisecond the higher is the later one.
    const isLater = (a: Bid, b: Bid) => (a.dateTime - b.dateTime || a.price - b.price) > 0;
    builder
      .source(bids, time)
      .keyBy('by-bidder', ({ bidder, auction }) => `${bidder}/${auction}`, { value: bid })
      .reduce('last-bid', (last, next) => (isLater(next, last) ? next : last), {
        value: bid,
        emit: 'per-commit',
      })
      .to(output);
  },
});

const TOP = 10;
const topFields = { auction: 'long', bids: [bidFields] } as const;

/** The highest first; of equal ones the earlier. */
const byPrice = (a: Bid, b: Bid) => b.price - a.price || a.dateTime - b.dateTime || a.bidder - b.bidder;

export const q19 = query({
  title: 'Top 10 bids of an auction',
  result: 'table',
  output: topFields,
  declare: ({ builder, bids, time, output }) => {
    builder
      .source(bids, time)
      .aggregate('top-bids', {
        initial: () => ({ auction: 0, bids: [] }),
        add: (top, { value }) => ({
          auction: value.auction,
          bids: [...top.bids, value].sort(byPrice).slice(0, TOP),
        }),
        value: output.value,
        emit: 'per-commit',
      })
      .to(output);
  },
});
