/** Queries that look at each bid by itself. */
import { bidFields } from '../events.ts';
import { query } from '../query.ts';
import { dayOf, hourOf, minuteOf } from './dates.ts';

const DOLLARS_TO_EUROS = 0.908;

export const q0 = query({
  title: 'Pass through',
  result: 'stream',
  output: bidFields,
  declare: ({ builder, bids, time, output }) => {
    builder.source(bids, time).to(output);
  },
});

export const q1 = query({
  title: 'Currency conversion',
  result: 'stream',
  output: { auction: 'long', bidder: 'long', price: 'double', dateTime: 'long', extra: 'string' },
  declare: ({ builder, bids, time, output }) => {
    builder
      .source(bids, time)
      .map(({ auction, bidder, price, dateTime, extra }) => {
        return { auction, bidder, price: DOLLARS_TO_EUROS * price, dateTime, extra };
      })
      .to(output);
  },
});

export const q2 = query({
  title: 'Selection',
  result: 'stream',
  output: { auction: 'long', price: 'long' },
  declare: ({ builder, bids, time, output }) => {
    builder
      .source(bids, time)
      .filter(({ auction }) => auction % 123 === 0)
      .map(({ auction, price }) => ({ auction, price }))
      .to(output);
  },
});

export const q10 = query({
  title: 'Log by day and minute',
  result: 'stream',
  output: { ...bidFields, day: 'string', minute: 'string' },
  declare: ({ builder, bids, time, output }) => {
    builder
      .source(bids, time)
      .map((bid) => ({ ...bid, day: dayOf(bid.dateTime), minute: minuteOf(bid.dateTime) }))
      .to(output);
  },
});

export const q14 = query({
  title: 'Calculation',
  result: 'stream',
  output: {
    auction: 'long',
    bidder: 'long',
    price: 'double',
    bidTimeType: 'string',
    dateTime: 'long',
    extra: 'string',
    c_counts: 'long',
  },
  declare: ({ builder, bids, time, output }) => {
    builder
      .source(bids, time)
      .map((bid) => ({ ...bid, price: DOLLARS_TO_EUROS * bid.price }))
      .filter(({ price }) => price > 1_000_000 && price < 50_000_000)
      .map(({ auction, bidder, price, dateTime, extra }) => {
        const c_counts = extra.split('c').length - 1;
        return { auction, bidder, price, bidTimeType: timeOfDay(dateTime), dateTime, extra, c_counts };
      })
      .to(output);
  },
});

export const q21 = query({
  title: 'Channel id',
  result: 'stream',
  output: { auction: 'long', bidder: 'long', price: 'long', channel: 'string', channel_id: 'string' },
  declare: ({ builder, bids, time, output }) => {
    builder
      .source(bids, time)
      .flatMap(({ auction, bidder, price, channel, url }) => {
        const channel_id = channelId(channel, url);
        return channel_id === undefined ? [] : [{ auction, bidder, price, channel, channel_id }];
      })
      .to(output);
  },
});

export const q22 = query({
  title: 'Directories of the URL',
  result: 'stream',
  output: {
    auction: 'long',
    bidder: 'long',
    price: 'long',
    channel: 'string',
    dir1: 'string',
    dir2: 'string',
    dir3: 'string',
  },
  declare: ({ builder, bids, time, output }) => {
    builder
      .source(bids, time)
      .map(({ auction, bidder, price, channel, url }) => {
        const [, , , dir1 = '', dir2 = '', dir3 = ''] = url.split('/');
        return { auction, bidder, price, channel, dir1, dir2, dir3 };
      })
      .to(output);
  },
});

function timeOfDay(ms: number): string {
  const hour = hourOf(ms);
  if (hour >= 8 && hour <= 18) return 'dayTime';
  return hour <= 6 || hour >= 20 ? 'nightTime' : 'otherTime';
}

const channelIds = new Map([
  ['apple', '0'],
  ['google', '1'],
  ['facebook', '2'],
  ['baidu', '3'],
]);

function channelId(channel: string, url: string): string | undefined {
  return channelIds.get(channel.toLowerCase()) ?? /(?:&|^)channel_id=([^&]*)/.exec(url)?.[1];
}
