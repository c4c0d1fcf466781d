/** What each client of the comparison does, and how it is measured. */

export const RECORD_BYTES = 120;
export const PARTITIONS = 4;

export type Work = {
  readonly brokers: readonly string[];
  readonly topic: string;
  /** That are measured. */
  readonly records: number;
  /** Before those: the time in which code is compiled and connections are made. */
  readonly warmUp: number;
};

export type Rates = { readonly records: number; readonly seconds: number; readonly cpuSeconds: number };

/** A client of Kafka. Each job ends when all records, those of the warm-up included, are acknowledged or have been read. */
export type Client = {
  produce(work: Work, meter: Meter): Promise<void>;
  /** Reads what is committed, and looks at the key and the value of each record. */
  consume(work: Work, meter: Meter): Promise<void>;
};

/** Wall and processor time, all threads of this process, behind the warm-up. */
export class Meter {
  readonly #work: Work;
  #count = 0;
  #bytes = 0;
  #start: { readonly count: number; readonly at: number; readonly cpu: NodeJS.CpuUsage } | undefined;
  #rates: Rates | undefined;

  constructor(work: Work) {
    this.#work = work;
  }

  get isDone(): boolean {
    return this.#rates !== undefined;
  }

  /** `count` more records, of `bytes` in all, have been acknowledged or read. */
  add(count: number, bytes: number): void {
    this.#count += count;
    this.#bytes += bytes;
    const { warmUp, records } = this.#work;
    if (this.#start === undefined) {
      if (this.#count < warmUp) return;
      this.#start = { count: this.#count, at: performance.now(), cpu: process.cpuUsage() };
    }
    if (this.#count < warmUp + records || this.isDone) return;
    const { user, system } = process.cpuUsage(this.#start.cpu);
    this.#rates = {
      records: this.#count - this.#start.count,
      seconds: (performance.now() - this.#start.at) / 1000,
      cpuSeconds: (user + system) / 1e6,
    };
  }

  get rates(): Rates {
    if (this.#rates === undefined) throw new Error(`only ${this.#count} records`);
    if (this.#bytes !== this.#count * RECORD_BYTES) {
      throw new Error(`${this.#bytes} bytes in ${this.#count} records of ${RECORD_BYTES}`);
    }
    return this.#rates;
  }
}

/** Keys of 16 bytes and values of 104, the same ones over and over. */
export function makeRecords(count: number): { key: Buffer; value: Buffer }[] {
  return Array.from({ length: count }, (_, i) => ({
    key: Buffer.from(`user-${i}`.padEnd(16, '-')),
    value: Buffer.alloc(RECORD_BYTES - 16, i),
  }));
}

/** Runs `send` until the records are sent, at most `most` of the calls at a time. */
export async function sendAll(
  work: Work,
  meter: Meter,
  perSend: number,
  most: number,
  send: (i: number) => Promise<unknown>,
): Promise<void> {
  const sends = Math.ceil((work.warmUp + work.records) / perSend);
  let next = 0;
  const lane = async () => {
    while (next < sends) {
      await send(next++);
      meter.add(perSend, perSend * RECORD_BYTES);
    }
  };
  await Promise.all(Array.from({ length: most }, lane));
}
