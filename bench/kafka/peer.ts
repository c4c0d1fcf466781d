/** Kafka Streams on the machine's own broker: ../shared/peers/kafka-streams, or where KAFKA_STREAMS_PEER says. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '#platform';

const directory =
  process.env.KAFKA_STREAMS_PEER ?? join(import.meta.dirname, '../../../shared/peers/kafka-streams');

export type Guarantee = 'exactly-once' | 'at-least-once';

/** What the peer prints of a run from the first record to the last commit; `half2` is of its second half. */
export type PeerRun = {
  readonly rec_per_s: number;
  readonly rec_per_cpu_s: number;
  readonly half2_rec_per_s: number;
  readonly half2_rec_per_cpu_s: number;
};

export type PeerRestore = {
  readonly rec_per_s: number;
  readonly start_to_running_s: number;
  readonly cpu_s: number;
  readonly records: number;
};

export type PeerLatency = { readonly p50_ms: number; readonly p95_ms: number; readonly p99_ms: number };

/** The peer's programs, with a broker and topics below `work`. */
export class Peer {
  readonly #environment: NodeJS.ProcessEnv;
  readonly #work: string;
  readonly brokers: string;

  constructor(work: string, port: number) {
    this.#work = work;
    this.brokers = `127.0.0.1:${port}`;
    this.#environment = { ...process.env, WORK: work, PORT: String(port) };
  }

  startBroker(): void {
    this.#run('broker', 'start');
  }

  /** Resolves when the broker has ended: until then it writes. */
  async stopBroker(): Promise<void> {
    const broker = `/proc/${readFileSync(join(this.#work, 'broker.pid'), 'utf8').trim()}`;
    this.#run('broker', 'stop');
    while (existsSync(broker)) await systemClock.sleep(100);
  }

  /** Processor seconds that the broker has used (Linux). */
  brokerCpuSeconds(): number {
    const pid = readFileSync(join(this.#work, 'broker.pid'), 'utf8').trim();
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  /** Fills the input where it is missing, then runs a case. */
  measure(name: string, records: number, guarantee: Guarantee, commitMs: number): PeerRun {
    return JSON.parse(this.#run(name, String(records), '1', short(guarantee), String(commitMs))) as PeerRun;
  }

  /** The first line is of the run that filled the store. */
  restore(records: number): PeerRestore {
    const lines = this.#run('restore', String(records), '1', 'eos', '100', 'distinct').trim().split('\n');
    return JSON.parse(lines.at(-1) ?? '') as PeerRestore;
  }

  latency(commitMs: number): PeerLatency {
    return JSON.parse(this.#run('latency', '2000', '1', 'eos', String(commitMs))) as PeerLatency;
  }

  #run(...parameters: readonly string[]): string {
    return execFileSync(join(directory, 'run.sh'), parameters, {
      env: this.#environment,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }
}

const short = (guarantee: Guarantee) => (guarantee === 'exactly-once' ? 'eos' : 'alo');
