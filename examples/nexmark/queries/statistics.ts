/** Queries that report a day's bids, by price. */
import { defineProcessor, port, type Serde, textKey, tumbling, windowedKey } from '#engine';
import type { Bid } from '../events.ts';
import { query } from '../query.ts';
import type { Row } from '../rows.ts';
import { DAY_MS, dayOf, minuteOf } from './dates.ts';

const rankOf = (price: number) => (price < 10_000 ? 1 : price < 1_000_000 ? 2 : 3);

const bidsFields = {
  total_bids: 'long',
  rank1_bids: 'long',
  rank2_bids: 'long',
  rank3_bids: 'long',
} as const;

const reportFields = {
  ...bidsFields,
  total_bidders: 'long',
  rank1_bidders: 'long',
  rank2_bidders: 'long',
  rank3_bidders: 'long',
  total_auctions: 'long',
  rank1_auctions: 'long',
  rank2_auctions: 'long',
  rank3_auctions: 'long',
} as const;

/** `minute`: of the latest bid. */
const stateFields = { minute: 'string', ...reportFields } as const;
type State = Row<typeof stateFields>;

const nothing: State = {
  minute: '',
  total_bids: 0,
  rank1_bids: 0,
  rank2_bids: 0,
  rank3_bids: 0,
  total_bidders: 0,
  rank1_bidders: 0,
  rank2_bidders: 0,
  rank3_bidders: 0,
  total_auctions: 0,
  rank1_auctions: 0,
  rank2_auctions: 0,
  rank3_auctions: 0,
};

/** How long a report's rows are kept behind its last bid. */
const KEPT_MS = 2 * DAY_MS;

/** Counts the bids of each key, and the different bidders and auctions in them, which have a row each. */
function report(state: Serde<State>, ranks: Serde<number>) {
  const rowOf = (key: string, what: 'bidders' | 'auctions', id: number) => `${key}/${what}/${id}`;
  return defineProcessor({
    inputs: { bids: port<string, Bid>() },
    outputs: { reports: port<string, State>() },
    stores: {
      reports: { value: state, ttlMs: KEPT_MS },
      /** In which ranks someone has been counted, a bit each; bit 0 for all together. */
      seen: { value: ranks, ttlMs: KEPT_MS },
    },
    reads: {
      bids: ({ key, value: { bidder, auction } }) => ({
        reports: [key],
        seen: [rowOf(key, 'bidders', bidder), rowOf(key, 'auctions', auction)],
      }),
    },
    process: {
      bids: ({ key, value, timestamp }, { stores, emit }) => {
        const rank = rankOf(value.price);
        let report = stores.reports.get(key) ?? nothing;
        const minute = minuteOf(value.dateTime);
        report = {
          ...report,
          minute: minute > report.minute ? minute : report.minute,
          total_bids: report.total_bids + 1,
          [`rank${rank}_bids`]: report[`rank${rank}_bids`] + 1,
        };
        for (const [what, id] of [
          ['bidders', value.bidder],
          ['auctions', value.auction],
        ] as const) {
          const row = rowOf(key, what, id);
          const seen = stores.seen.get(row) ?? 0;
          if ((seen & (1 << rank)) !== 0) continue;
          stores.seen.put(row, seen | 1 | (1 << rank), timestamp);
          const [total, ofRank] = [`total_${what}`, `rank${rank}_${what}`] as const;
          report = {
            ...report,
            [total]: report[total] + (seen === 0 ? 1 : 0),
            [ofRank]: report[ofRank] + 1,
          };
        }
        stores.reports.put(key, report, timestamp);
        emit('reports', key, report, timestamp);
      },
    },
  });
}

export const q15 = query({
  title: 'Bidding statistics',
  result: 'table',
  output: { day: 'string', ...reportFields },
  state: { report: stateFields, ranks: 'long' },
  declare: ({ builder, bids, bid, time, serdes, output }) => {
    const ofDay = builder
      .source(bids, time)
      .keyBy('by-day', ({ dateTime }) => dayOf(dateTime), { value: bid });
    builder
      .process('report', report(serdes.report, serdes.ranks), { bids: ofDay })
      .reports.lastPerCommit()
      .map(({ minute: _, ...report }, { key }) => ({ day: key, ...report }))
      .to(output);
  },
});

export const q16 = query({
  title: 'Channel statistics',
  result: 'table',
  output: { channel: 'string', day: 'string', ...stateFields },
  state: { report: stateFields, ranks: 'long' },
  declare: ({ builder, bids, bid, time, serdes, output }) => {
    const ofChannel = builder
      .source(bids, time)
      .keyBy('by-channel', ({ channel, dateTime }) => `${dayOf(dateTime)} ${channel}`, { value: bid });
    builder
      .process('report', report(serdes.report, serdes.ranks), { bids: ofChannel })
      .reports.lastPerCommit()
      .map((report, { key }) => ({ channel: key.slice(11), day: key.slice(0, 10), ...report }))
      .to(output);
  },
});

const pricesFields = { ...bidsFields, min_price: 'long', max_price: 'long', sum_price: 'long' } as const;

export const q17 = query({
  title: 'Auction statistics',
  result: 'table',
  output: { auction: 'long', day: 'string', ...pricesFields, avg_price: 'double' },
  state: { prices: pricesFields },
  key: windowedKey(textKey),
  declare: ({ builder, bids, time, serdes, output }) => {
    builder
      .source(bids, time)
      .windowed(tumbling({ sizeMs: DAY_MS, graceMs: 0 }))
      .aggregate('prices', {
        initial: () => ({
          total_bids: 0,
          rank1_bids: 0,
          rank2_bids: 0,
          rank3_bids: 0,
          min_price: Number.MAX_SAFE_INTEGER,
          max_price: 0,
          sum_price: 0,
        }),
        add: (prices, { value: { price } }) => {
          const ofRank = `rank${rankOf(price)}_bids` as const;
          return {
            ...prices,
            total_bids: prices.total_bids + 1,
            [ofRank]: prices[ofRank] + 1,
            min_price: Math.min(prices.min_price, price),
            max_price: Math.max(prices.max_price, price),
            sum_price: prices.sum_price + price,
          };
        },
        value: serdes.prices,
        emit: 'per-commit',
      })
      .map((prices, { key, startMs }) => {
        const avg_price = prices.sum_price / prices.total_bids;
        return { auction: Number(key), day: dayOf(startMs), ...prices, avg_price };
      }, output.value)
      .to(output);
  },
});
