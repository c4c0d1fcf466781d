/** What each query means, in DuckDB's SQL over the tables person, auction, bid and side of the same events. */
import { AFTER_MS, BEFORE_MS } from './queries/joins.ts';

const day = (ms: string) => `strftime(make_timestamp(${ms} * 1000), '%Y-%m-%d')`;
const minute = (ms: string) => `strftime(make_timestamp(${ms} * 1000), '%H:%M')`;

/** Bids while their auctions were open. */
const OFFERS = `
  SELECT a.*, b.auction, b.bidder, b.price, b.dateTime AS bid_dateTime, b.extra AS bid_extra
  FROM auction a JOIN bid b ON a.id = b.auction AND b.dateTime BETWEEN a.dateTime AND a.expires`;
const winning = `
  SELECT * FROM (${OFFERS})
  QUALIFY row_number() OVER (PARTITION BY id ORDER BY price DESC, bid_dateTime, bidder) = 1`;

/** Ten seconds, a window each. */
const windowOf = (ms: string) => `(${ms} - ${ms} % 10000)`;

const rank = (n: number) =>
  ['', 'price < 10000', 'price >= 10000 AND price < 1000000', 'price >= 1000000'][n] ?? '';
const counted = `
  count(*) AS total_bids,
  ${[1, 2, 3].map((n) => `count(*) FILTER (${rank(n)}) AS rank${n}_bids`).join(', ')}`;
const distinct = (column: string, name: string) => `
  count(DISTINCT ${column}) AS total_${name},
  ${[1, 2, 3].map((n) => `count(DISTINCT ${column}) FILTER (${rank(n)}) AS rank${n}_${name}`).join(', ')}`;
const report = `${counted}, ${distinct('bidder', 'bidders')}, ${distinct('auction', 'auctions')}`;

export const oracle: { readonly [name: string]: string } = {
  q0: 'SELECT * FROM bid',
  q1: 'SELECT auction, bidder, 0.908::DOUBLE * price AS price, dateTime, extra FROM bid',
  q2: 'SELECT auction, price FROM bid WHERE auction % 123 = 0',
  q3: `
    SELECT p.name, p.city, p.state, a.id FROM auction a JOIN person p ON a.seller = p.id
    WHERE a.category = 10 AND p.state IN ('OR', 'ID', 'CA')`,
  q4: `SELECT category, avg(price) AS average FROM (${winning}) GROUP BY category`,
  q5: `
    WITH counts AS (
      SELECT auction, count(*) AS num, starttime, starttime + 10000 AS endtime
      FROM (
        SELECT auction, unnest(generate_series(dateTime - dateTime % 2000 - 8000, dateTime, 2000)) AS starttime
        FROM bid
      )
      GROUP BY auction, starttime
    )
    SELECT * FROM counts QUALIFY num = max(num) OVER (PARTITION BY starttime)`,
  q6: `
    SELECT seller, auction, expires, avg(price) OVER (
      PARTITION BY seller ORDER BY expires, auction ROWS BETWEEN 9 PRECEDING AND CURRENT ROW
    ) AS average
    FROM (${winning})`,
  q7: `
    SELECT auction, price, bidder, dateTime, extra, ${windowOf('dateTime')} + 10000 AS endtime FROM bid
    QUALIFY price = max(price) OVER (PARTITION BY ${windowOf('dateTime')})`,
  q8: `
    SELECT DISTINCT p.id, p.name, ${windowOf('p.dateTime')} AS starttime
    FROM person p JOIN auction a ON p.id = a.seller AND ${windowOf('p.dateTime')} = ${windowOf('a.dateTime')}`,
  q9: winning,
  q10: `SELECT *, ${day('dateTime')} AS day, ${minute('dateTime')} AS minute FROM bid`,
  q11: `
    SELECT bidder, count(*) AS bid_count, min(dateTime) AS starttime, max(dateTime) + 10000 AS endtime
    FROM (
      SELECT bidder, dateTime, sum(begins) OVER (PARTITION BY bidder ORDER BY dateTime) AS session
      FROM (
        SELECT bidder, dateTime, CASE WHEN dateTime - lag(dateTime) OVER (
          PARTITION BY bidder ORDER BY dateTime
        ) > 10000 THEN 1 ELSE 0 END AS begins
        FROM bid
      )
    )
    GROUP BY bidder, session`,
  q13: `
    SELECT b.auction, b.bidder, b.price, b.dateTime, s.value
    FROM bid b JOIN side s ON b.auction % 10000 = s.key`,
  q14: `
    SELECT auction, bidder, euros AS price,
      CASE
        WHEN hour BETWEEN 8 AND 18 THEN 'dayTime'
        WHEN hour <= 6 OR hour >= 20 THEN 'nightTime'
        ELSE 'otherTime'
      END AS bidTimeType,
      dateTime, extra, length(extra) - length(replace(extra, 'c', '')) AS c_counts
    FROM (
      SELECT *, 0.908::DOUBLE * price AS euros, hour(make_timestamp(dateTime * 1000)) AS hour FROM bid
    )
    WHERE euros > 1000000 AND euros < 50000000`,
  q15: `SELECT ${day('dateTime')} AS day, ${report} FROM bid GROUP BY day`,
  q16: `
    SELECT channel, ${day('dateTime')} AS day, max(${minute('dateTime')}) AS minute, ${report}
    FROM bid GROUP BY channel, day`,
  q17: `
    SELECT auction, ${day('dateTime')} AS day, ${counted}, min(price) AS min_price, max(price) AS max_price,
      avg(price) AS avg_price, sum(price)::BIGINT AS sum_price
    FROM bid GROUP BY auction, day`,
  q18: `
    SELECT * FROM bid
    QUALIFY row_number() OVER (PARTITION BY bidder, auction ORDER BY dateTime DESC, price DESC) = 1`,
  q19: `
    SELECT auction, list(b ORDER BY price DESC, dateTime, bidder) AS bids
    FROM (
      SELECT *, bid AS b FROM bid
      QUALIFY row_number() OVER (PARTITION BY auction ORDER BY price DESC, dateTime, bidder) <= 10
    )
    GROUP BY auction`,
  q20: `
    SELECT b.*, a.itemName, a.description, a.initialBid, a.reserve, a.dateTime AS auction_dateTime,
      a.expires, a.seller, a.category, a.extra AS auction_extra
    FROM auction a JOIN bid b ON a.id = b.auction
      AND b.dateTime BETWEEN a.dateTime - ${BEFORE_MS} AND a.dateTime + ${AFTER_MS}
    WHERE a.category = 10`,
  q21: `
    SELECT * FROM (
      SELECT auction, bidder, price, channel,
        CASE lower(channel)
          WHEN 'apple' THEN '0' WHEN 'google' THEN '1' WHEN 'facebook' THEN '2' WHEN 'baidu' THEN '3'
          ELSE CASE WHEN regexp_matches(url, '(&|^)channel_id=([^&]*)')
            THEN regexp_extract(url, '(&|^)channel_id=([^&]*)', 2) END
        END AS channel_id
      FROM bid
    )
    WHERE channel_id IS NOT NULL`,
  q22: `
    SELECT auction, bidder, price, channel, split_part(url, '/', 4) AS dir1, split_part(url, '/', 5) AS dir2,
      split_part(url, '/', 6) AS dir3
    FROM bid`,
};
