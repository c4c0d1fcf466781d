/** Queries over windows of event time, and one of the wall clock's. */
import { defineProcessor, hopping, port, type Serde, session, textKey, tumbling, windowedKey } from '#engine';
import { type Bid, bidFields } from '../events.ts';
import { query } from '../query.ts';
import type { Row } from '../rows.ts';

const WINDOW_MS = 10_000;
const tenSeconds = tumbling({ sizeMs: WINDOW_MS, graceMs: 0 });

const hotFields = { auction: 'long', num: 'long', starttime: 'long', endtime: 'long' } as const;
type Hot = Row<typeof hotFields>;
const hottestFields = { rows: [hotFields] } as const;

export const q5 = query({
  title: 'Hot items',
  result: 'stream',
  output: hotFields,
  state: { count: 'long', hot: hotFields, hottest: hottestFields },
  declare: ({ builder, bids, time, serdes, output }) => {
    const counts = builder
      .source(bids, time)
      .windowed(hopping({ sizeMs: WINDOW_MS, advanceMs: 2_000, graceMs: 0 }))
      .count('bids-of-auction', { value: serdes.count, emit: 'on-close' })
      .toStream()
      .flatMap((num, { key: { key, startMs, endMs } }) =>
        num === null ? [] : [{ auction: Number(key), num, starttime: startMs, endtime: endMs }],
      )
      .keyBy('by-window', ({ starttime }) => String(starttime), { value: serdes.hot });
    builder.process('hottest', hottest(serdes.hottest), { counts }).hot.to(output);
  },
});

/** The auctions with the most bids in each window, once all of its bids are counted. */
function hottest(rows: Serde<Row<typeof hottestFields>>) {
  return defineProcessor({
    inputs: { counts: port<string, Hot>() },
    outputs: { hot: port<string, Hot>() },
    stores: { hottest: { value: rows } },
    process: {
      counts: ({ key, value, timestamp }, { stores, setTimer }) => {
        const { rows } = stores.hottest.get(key) ?? { rows: [] };
        const most = rows[0]?.num ?? 0;
        if (value.num < most) return;
        stores.hottest.put(key, { rows: value.num > most ? [value] : [...rows, value] }, timestamp);
        setTimer(key, value.endtime, value.endtime - 1);
      },
    },
    onTimer: (key, dueMs, { stores, emit }) => {
      for (const hot of stores.hottest.get(key)?.rows ?? []) emit('hot', key, hot, dueMs - 1);
      stores.hottest.delete(key, dueMs);
    },
  });
}

/** The highest bids, of one price. */
const highestFields = { bids: [bidFields] } as const;

function highest(of: readonly Bid[]): Row<typeof highestFields> {
  const price = of.reduce((most, bid) => Math.max(most, bid.price), 0);
  return { bids: of.filter((bid) => bid.price === price) };
}

export const q7 = query({
  title: 'Highest bid',
  result: 'stream',
  output: {
    auction: 'long',
    price: 'long',
    bidder: 'long',
    dateTime: 'long',
    extra: 'string',
    endtime: 'long',
  },
  state: { highest: highestFields },
  key: windowedKey(textKey),
  declare: ({ builder, bids, time, serdes, output }) => {
    const options = { initial: () => highest([]), value: serdes.highest, emit: 'on-close' } as const;
    builder
      .source(bids, time)
      .windowed(tenSeconds)
      // First those of each auction, so that few records have to meet in one task.
      .aggregate('of-auction', { ...options, add: ({ bids }, { value }) => highest([...bids, value]) })
      .toStream()
      .flatMap((ofAuction) => (ofAuction === null ? [] : [ofAuction]))
      .keyBy('together', () => 'all', { value: serdes.highest })
      .windowed(tenSeconds)
      .aggregate('of-all', {
        ...options,
        add: ({ bids }, { value }) => highest([...bids, ...value.bids]),
      })
      .toStream()
      .flatMap((ofAll, { key: { endMs } }) =>
        (ofAll?.bids ?? []).map(({ auction, price, bidder, dateTime, extra }) => {
          return { auction, price, bidder, dateTime, extra, endtime: endMs };
        }),
      )
      .to(output);
  },
});

export const q8 = query({
  title: 'New users who sell at once',
  result: 'table',
  output: { id: 'long', name: 'string', starttime: 'long' },
  state: { count: 'long' },
  key: windowedKey(textKey),
  declare: ({ builder, persons, auctions, person, auction, time, serdes, output }) => {
    const newUsers = builder
      .source(persons, time)
      .windowed(tenSeconds)
      .reduce('new-users', (first) => first, { value: person, emit: 'on-close' })
      .map(({ id, name, dateTime }) => {
        return { id, name, starttime: dateTime - (dateTime % WINDOW_MS) };
      }, output.value);
    const sellers = builder
      .source(auctions, time)
      .keyBy('by-seller', ({ seller }) => String(seller), { value: auction })
      .windowed(tenSeconds)
      .count('sellers', { value: serdes.count, emit: 'on-close' });
    newUsers.join('new-sellers', sellers, (user) => user, { value: output.value }).to(output);
  },
});

export const q11 = query({
  title: 'User sessions',
  result: 'table',
  output: { bidder: 'long', bid_count: 'long', starttime: 'long', endtime: 'long' },
  state: { count: 'long' },
  key: windowedKey(textKey),
  declare: ({ builder, bids, bid, time, serdes, output }) => {
    builder
      .source(bids, time)
      .keyBy('by-bidder', ({ bidder }) => String(bidder), { value: bid })
      .windowed(session({ gapMs: WINDOW_MS, graceMs: 0 }))
      .count('sessions', { value: serdes.count, emit: 'on-close' })
      .map((bid_count, { key, startMs, endMs }) => {
        return { bidder: Number(key), bid_count, starttime: startMs, endtime: endMs + WINDOW_MS };
      }, output.value)
      .to(output);
  },
});

const wallFields = { bidder: 'long', bid_count: 'long', starttime: 'long', endtime: 'long' } as const;
type WallCount = Row<typeof wallFields>;

export const q12 = query({
  title: 'Processing-time windows',
  result: 'stream',
  output: wallFields,
  declare: ({ builder, bids, bid, time, output }) => {
    const ofBidder = builder
      .source(bids, time)
      .keyBy('by-bidder', ({ bidder }) => String(bidder), { value: bid });
    builder.process('by-the-clock', countByTheClock(output.value), { bids: ofBidder }).counts.to(output);
  },
});

/** Its results depend on when bids are processed: a replay of the journal repeats them, another run does not. */
function countByTheClock(count: Serde<WallCount>) {
  return defineProcessor({
    inputs: { bids: port<string, Bid>() },
    outputs: { counts: port<string, WallCount>() },
    stores: { open: { value: count } },
    dependsOnArrival: true,
    process: {
      bids: ({ key, value: { bidder }, timestamp }, { stores, emit, wallNow, setWallTimer }) => {
        let open = stores.open.get(key);
        if (open === undefined || wallNow >= open.endtime) {
          // Its timer may come after the first bid of the next window.
          if (open !== undefined) emit('counts', key, open, open.endtime - 1);
          const starttime = wallNow - (wallNow % WINDOW_MS);
          open = { bidder, bid_count: 0, starttime, endtime: starttime + WINDOW_MS };
          setWallTimer(key, open.endtime);
        }
        stores.open.put(key, { ...open, bid_count: open.bid_count + 1 }, timestamp);
      },
    },
    onWallTimer: (key, dueMs, { stores, emit }) => {
      const open = stores.open.get(key);
      if (open === undefined) return;
      emit('counts', key, open, open.endtime - 1);
      stores.open.delete(key, dueMs);
    },
  });
}
