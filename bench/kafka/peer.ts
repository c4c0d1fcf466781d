/** Kafka Streams on the machine's own broker: ../shared/peers/kafka-streams, or where KAFKA_STREAMS_PEER says. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { errorCode, systemClock } from '#platform';

const directory =
  process.env.KAFKA_STREAMS_PEER ?? join(import.meta.dirname, '../../../shared/peers/kafka-streams');

/** Of one run, many times what it takes. It has hung for hours. */
const LIMIT_S = 300;
/** After the limit, how often what the script has begun since, such as its cleaning up, is ended. */
const END_EVERY_MS = 30_000;
export const NO_END = `the peer had not ended after ${LIMIT_S} s, and was ended`;

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

/** The peer's programs, with a broker and topics below `work`. A run that does not come to its end gives undefined. */
export class Peer {
  readonly #environment: NodeJS.ProcessEnv;
  readonly #work: string;
  readonly brokers: string;

  constructor(work: string, port: number) {
    this.#work = work;
    this.brokers = `127.0.0.1:${port}`;
    this.#environment = { ...process.env, WORK: work, PORT: String(port) };
  }

  async startBroker(): Promise<void> {
    await this.#run('broker', 'start');
  }

  /** Resolves when the broker has ended: until then it writes. */
  async stopBroker(): Promise<void> {
    const broker = `/proc/${readFileSync(join(this.#work, 'broker.pid'), 'utf8').trim()}`;
    await this.#run('broker', 'stop');
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
  measure(
    name: string,
    records: number,
    guarantee: Guarantee,
    commitMs: number,
  ): Promise<PeerRun | undefined> {
    return this.#result<PeerRun>(name, String(records), '1', short(guarantee), String(commitMs));
  }

  restore(records: number): Promise<PeerRestore | undefined> {
    return this.#result<PeerRestore>('restore', String(records), '1', 'eos', '100', 'distinct');
  }

  latency(commitMs: number): Promise<PeerLatency | undefined> {
    return this.#result<PeerLatency>('latency', '2000', '1', 'eos', String(commitMs));
  }

  /** Its last line: that of a restore is behind the one of the run that filled the store. */
  async #result<T>(...parameters: readonly string[]): Promise<T | undefined> {
    const output = await this.#run(...parameters);
    return output === undefined ? undefined : (JSON.parse(output.trim().split('\n').at(-1) ?? '') as T);
  }

  async #run(...parameters: readonly string[]): Promise<string | undefined> {
    const script = spawn(join(directory, 'run.sh'), parameters, {
      env: this.#environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const closed = new AbortController();
    script.once('close', () => closed.abort());
    let isLate = false;
    const watch = async () => {
      for (let waitMs = LIMIT_S * 1_000; ; waitMs = END_EVERY_MS) {
        await systemClock.sleep(waitMs, closed.signal);
        if (closed.signal.aborted) return;
        isLate = true;
        endChildren(script.pid);
      }
    };
    const [output, [code]] = await Promise.all([text(script.stdout), once(script, 'close'), watch()]);
    if (isLate) return undefined;
    if (code !== 0) throw new Error(`the peer's ${parameters.join(' ')} ended with ${code}`);
    return output;
  }
}

/** Kills what a script is running: it then cleans up, as after any failure, and ends by itself (Linux). */
function endChildren(script: number | undefined): void {
  try {
    const children = readFileSync(`/proc/${script}/task/${script}/children`, 'utf8');
    for (const [child] of children.matchAll(/\d+/g)) process.kill(Number(child), 'SIGKILL');
  } catch (error) {
    // What has ended by itself in this moment.
    if (!['ENOENT', 'ESRCH'].includes(errorCode(error) ?? '')) throw error;
  }
}

const short = (guarantee: Guarantee) => (guarantee === 'exactly-once' ? 'eos' : 'alo');
