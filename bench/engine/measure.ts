import { readFileSync } from 'node:fs';
import { type RuntimeOptions, StreamsRuntime, type Topic, TopologyBuilder } from '#engine';
import type { Log } from '#log';
import { runtimeOptions } from '../runtime-options.ts';
import { cases, type Inputs, type Serdes } from './cases.ts';

export type Measurement = {
  /** From the first record to the last commit. */
  readonly whole: Span;
  /** The second half of it, when the compiler has done its work. */
  readonly warm: Span;
  readonly peakMegabytes: number;
};
export type Span = { readonly records: number; readonly seconds: number; readonly cpuSeconds: number };
type Instant = Span;

/** Counts the records of a topic as they are decoded, and notes when the first was. */
class Meter {
  records = 0;
  first: Instant | undefined;

  reset(): void {
    this.records = 0;
    this.first = undefined;
  }

  now(): Instant {
    const { user, system } = process.cpuUsage();
    return {
      records: this.records,
      seconds: performance.now() / 1e3,
      cpuSeconds: (user + system) / 1e6,
    };
  }

  of<V>(topic: Topic<string, V>): Topic<string, V> {
    const { value } = topic;
    const count = () => {
      this.first ??= this.now();
      this.records++;
    };
    const decode = (bytes: Buffer) => {
      count();
      return value.decode(bytes);
    };
    const decodeAt = (bytes: Buffer, start: number, end: number) => {
      count();
      return value.decodeAt?.(bytes, start, end) ?? value.decode(bytes.subarray(start, end));
    };
    return { ...topic, value: { ...value, decode, decodeAt } };
  }
}

const between = (from: Instant, to: Instant): Span => ({
  records: to.records - from.records,
  seconds: to.seconds - from.seconds,
  cpuSeconds: to.cpuSeconds - from.cpuSeconds,
});

export type Subject = {
  readonly name: string;
  /** Stands before the names of the topology and its output, where runs share a log. */
  readonly instance?: string;
  readonly log: Log;
  readonly inputs: Inputs;
  readonly serdes: Serdes;
  readonly deadLetters: RuntimeOptions['deadLetters'];
  /** Where stores lie. */
  readonly state: string;
  readonly options?: Partial<RuntimeOptions>;
};

/** A case's topology, ready to run, with a meter at its input. */
export class Case {
  readonly runtime: StreamsRuntime;
  readonly #meter: Meter;

  private constructor(runtime: StreamsRuntime, meter: Meter) {
    this.runtime = runtime;
    this.#meter = meter;
  }

  static async open({
    name,
    instance,
    log,
    inputs,
    serdes,
    deadLetters,
    state,
    options,
  }: Subject): Promise<Case> {
    const declare = cases[name];
    if (declare === undefined) throw new Error(`there is no case ${name}`);
    const meter = new Meter();
    const builder = new TopologyBuilder({ name: instance ?? name.toLowerCase(), generation: 1 });
    const output = declare(builder, { ...inputs, views: meter.of(inputs.views) }, serdes, instance);
    await log.createTopics([deadLetters, output]);
    const runs = { log, topology: builder.build(), deadLetters };
    const runtime = new StreamsRuntime({ ...runtimeOptions(runs, state), ...options });
    return new Case(runtime, meter);
  }

  /** Processes what there is, of which `total` views are its input. */
  async measure(total: number): Promise<Measurement> {
    const meter = this.#meter;
    meter.reset();
    let half: Instant | undefined;
    await runToEnd(this.runtime, () => {
      if (meter.records >= total / 2) half ??= meter.now();
    });
    const end = meter.now();
    const first = meter.first ?? end;
    return {
      whole: between(first, end),
      warm: between(half ?? first, end),
      peakMegabytes: peakMegabytes(),
    };
  }
}

export async function runToEnd(runtime: StreamsRuntime, onRound = () => {}): Promise<void> {
  do {
    await runtime.runOnce(100);
    onRound();
  } while (!runtime.isCaughtUp);
}

export async function countOf(log: Log, topic: string): Promise<number> {
  const [description] = await log.describeTopics([topic]);
  return description?.offsets.reduce((sum, { end }) => sum + end, 0) ?? 0;
}

/** The most memory that this process has held (Linux). */
function peakMegabytes(): number {
  const [, kilobytes = 'NaN'] = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return Number(kilobytes) / 1024;
}
