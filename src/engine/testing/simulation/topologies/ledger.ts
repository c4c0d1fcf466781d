import { partitionFor } from '#log';
import { InputError } from '#platform';
import { defineProcessor, port } from '../../../topology/processor.ts';
import type { Random } from '../random.ts';
import { sizedJson, sizedTopic } from '../sized-json.ts';
import {
  type Announcement,
  DEAD_LETTERS,
  type Input,
  type InputRecord,
  type OutputRecord,
  type TopologyUnderTest,
} from '../topology-under-test.ts';

declare module '#platform' {
  interface ErrorCodes {
    readonly MR_SIMULATED_POISON: 'fix-input';
  }
}

type Booking = { readonly amount: number };
type Balance = { readonly sum: number; readonly count: number };
type Line = Balance & { readonly recent: readonly number[]; readonly late: boolean };
type Closing = { readonly closed: Balance | null; readonly watermark: number };

const PARTITIONS = 3;
const IDLE_MS = 200;
const OUT_OF_ORDER_MS = 20;
const CLOSES_ACCOUNT = 0;
const POISON = -1;
const START_MS = 1_000_000_000_000;
const END_MS = START_MS + 10_000_000;

const bookings = sizedTopic<Booking>('bookings', PARTITIONS, { amount: 1 });
const lines = sizedTopic<Line>('lines', PARTITIONS, { sum: 1, count: 1, recent: [1], late: false });
const closings = sizedTopic<Closing>('closings', PARTITIONS, { closed: null, watermark: 0 });

/**
 * Accounts with two stores and a timer: an amount of zero removes an account from both, a negative one is refused after
 * half of its effects, silence closes the account. What it says of lateness shows which watermark it was given.
 */
const ledger = defineProcessor({
  inputs: { bookings: port<string, Booking>() },
  outputs: { lines: port<string, Line>(), closings: port<string, Closing>() },
  stores: {
    balances: { value: sizedJson<Balance>({ sum: 1, count: 1 }) },
    recent: { value: sizedJson<readonly number[]>([1]) },
  },
  process: {
    bookings: ({ key, value: { amount }, timestamp }, { stores, emit, setTimer, clearTimer, watermark }) => {
      const late = timestamp < watermark;
      const { sum, count } = stores.balances.get(key) ?? { sum: 0, count: 0 };
      const balance = { sum: sum + amount, count: count + 1 };
      const recent = [...(stores.recent.get(key) ?? []), amount].slice(-3);
      if (amount === CLOSES_ACCOUNT) {
        stores.balances.delete(key, timestamp);
        stores.recent.delete(key, timestamp);
        clearTimer(key);
      } else {
        stores.balances.put(key, balance, timestamp);
        if (amount <= POISON) throw new InputError('MR_SIMULATED_POISON', 'a negative amount');
        stores.recent.put(key, recent, timestamp);
        setTimer(key, timestamp + IDLE_MS);
      }
      emit('lines', key, { ...balance, recent, late }, timestamp);
    },
  },
  onTimer: (key, dueMs, { stores, emit, watermark }) => {
    emit('closings', key, { closed: stores.balances.get(key) ?? null, watermark }, dueMs);
    stores.balances.delete(key, dueMs);
    stores.recent.delete(key, dueMs);
  },
});

function generate(random: Random): Input {
  const keys = random.int(2, 12);
  let now = START_MS;
  return Array.from({ length: random.int(60, 250) }, (): InputRecord | Announcement => {
    now += random.int(0, 30);
    if (random.chance(0.1)) {
      const announceMs = now + random.int(-OUT_OF_ORDER_MS, IDLE_MS);
      return { topic: bookings.name, partition: random.int(0, PARTITIONS - 1), announceMs };
    }
    const timestamp = now - random.int(0, random.chance(0.1) ? 5 * OUT_OF_ORDER_MS : OUT_OF_ORDER_MS);
    const amount = random.chance(0.1) ? CLOSES_ACCOUNT : random.chance(0.05) ? POISON : random.int(1, 9);
    const value = random.chance(0.02) ? Buffer.from('no json') : { amount };
    return { topic: bookings.name, key: `account-${random.int(1, keys)}`, value, timestamp };
  });
}

type Account = { balance: Balance | undefined; recent: readonly number[]; dueMs: number | undefined };

/** The same, one record after the other for each partition, in plain variables. */
function model(input: Input): Record<string, OutputRecord[]> {
  const outputs: Record<string, OutputRecord[]> = {
    [lines.name]: [],
    [closings.name]: [],
    [DEAD_LETTERS]: [],
  };
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const accounts = new Map<string, Account>();
    let watermark = Number.NEGATIVE_INFINITY;
    let offset = -1;
    const advance = (to: number) => {
      watermark = Math.max(watermark, to);
      const due = [...accounts].flatMap(([key, { dueMs }]) => (dueMs === undefined ? [] : [{ key, dueMs }]));
      due.sort((a, b) => a.dueMs - b.dueMs || (a.key < b.key ? -1 : 1));
      for (const { key, dueMs } of due) {
        if (dueMs > watermark) continue;
        const closed = accounts.get(key)?.balance ?? null;
        outputs[closings.name]?.push({ key, value: { closed, watermark }, timestamp: dueMs });
        accounts.delete(key);
      }
    };
    for (const each of input) {
      if ('announceMs' in each) {
        if (each.partition !== partition) continue;
        offset++;
        advance(each.announceMs);
        continue;
      }
      const { key, value, timestamp } = each;
      if (key === null || partitionFor(Buffer.from(key), PARTITIONS) !== partition) continue;
      offset++;
      const line = Buffer.isBuffer(value) ? undefined : book(accounts, key, value as Booking, timestamp);
      if (line !== undefined) {
        const late = timestamp < watermark;
        outputs[lines.name]?.push({ key, value: { ...line, late }, timestamp });
      } else {
        const reason = Buffer.isBuffer(value) ? 'MR_PROCESSOR_THREW' : 'MR_SIMULATED_POISON';
        outputs[DEAD_LETTERS]?.push({
          key: `${bookings.name}/${partition}@${offset}`,
          value: reason,
          timestamp,
        });
      }
      advance(timestamp - OUT_OF_ORDER_MS);
    }
    advance(END_MS);
  }
  return outputs;
}

function book(accounts: Map<string, Account>, key: string, { amount }: Booking, timestamp: number) {
  const account = accounts.get(key) ?? { balance: undefined, recent: [], dueMs: undefined };
  if (amount <= POISON) return undefined;
  const { sum, count } = account.balance ?? { sum: 0, count: 0 };
  const balance = { sum: sum + amount, count: count + 1 };
  const recent = [...account.recent, amount].slice(-3);
  if (amount === CLOSES_ACCOUNT) accounts.delete(key);
  else accounts.set(key, { balance, recent, dueMs: timestamp + IDLE_MS });
  return { ...balance, recent };
}

export const ledgerTopology: TopologyUnderTest = {
  name: 'ledger',
  inputs: [bookings],
  outputs: [
    { topic: lines, comparison: 'sequence' },
    { topic: closings, comparison: 'sequence' },
  ],
  declare: (builder) => {
    const source = builder.source(bookings, { watermark: { outOfOrderMs: OUT_OF_ORDER_MS } });
    const out = builder.process('ledger', ledger, { bookings: source });
    out.lines.to(lines);
    out.closings.to(closings);
  },
  generate,
  finalWatermarkMs: END_MS,
  model,
};
