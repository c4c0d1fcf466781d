/** Sends what a seed makes to a running server, many connections at a time, and says what no server should do. */
import { readFileSync } from 'node:fs';
import { type Exchange, exchange } from './exchange.ts';
import { drawing, requestBytes } from './requests.ts';

export type FuzzOptions = {
  readonly port: number;
  readonly pid: number;
  readonly seed: number;
  readonly seconds: number;
  readonly connections?: number;
};

export type FuzzReport = {
  readonly sent: number;
  readonly byStatus: Readonly<Record<string, number>>;
  /** What went wrong, with the seed of the request. */
  readonly findings: readonly string[];
  readonly residentBefore: number;
  /** The least that was seen after the last request. */
  readonly residentAfter: number;
};

/** Codes of which an answer 503 says that it passes. */
const stated = /"code":"MR_(HTTP_|DISK_|EVENTS_|LOG_|QUERY_|VIEWS_|PRIVACY_|REDIS_|RESPONDER_|VERSION_)/;
const ANSWER_WITHIN_MS = 15_000;
const HEALTH_WITHIN_MS = 5_000;
/**
 * What the server needs once is no growth: compiled code, full caches, and a heap that V8 lets grow for half a minute under
 * such a load. In 200 s it went from 0.7 to 1.2 GB in the first 80, stayed there, and fell to 1.1 GB.
 */
const WARM_UP_SHARE = 0.5;
const SETTLE_MS = 30_000;
const SHOWN_FINDINGS = 20;

export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { seed, seconds, pid } = options;
  const run = new Run(options);
  const length = seconds * 1_000;
  await run.send(seed, WARM_UP_SHARE * length);
  const residentBefore = residentBytes(pid);
  await run.send(seed + 0x10000, (1 - WARM_UP_SHARE) * length);
  const residentAfter = await settled(pid, residentBefore);
  const { sent, byStatus, findings } = run;
  return { sent, byStatus, findings, residentBefore, residentAfter };
}

class Run {
  sent = 0;
  readonly byStatus: Record<string, number> = {};
  readonly findings: string[] = [];
  readonly #options: FuzzOptions;

  constructor(options: FuzzOptions) {
    this.#options = options;
  }

  async send(seed: number, ms: number): Promise<void> {
    const until = performance.now() + ms;
    const { connections = 32 } = this.#options;
    let next = seed;
    const one = async () => {
      while (performance.now() < until && this.findings.length < SHOWN_FINDINGS) await this.#one(next++);
    };
    await Promise.all([...Array.from({ length: connections }, one), this.#watchHealth(until)]);
  }

  async #one(seed: number): Promise<void> {
    const { port } = this.#options;
    const bytes = requestBytes(drawing(seed));
    this.sent++;
    const result = await exchange(port, bytes, ANSWER_WITHIN_MS);
    const problem = this.#judge(result);
    if (problem === undefined) return;
    const line = bytes.toString('latin1').split('\r\n', 1)[0]?.slice(0, 120);
    this.findings.push(`request ${seed} (${JSON.stringify(line)}): ${problem}`);
  }

  #judge(result: Exchange): string | undefined {
    if (result.outcome !== 'closed') return result.outcome;
    for (const { status, body } of result.answers) {
      this.byStatus[status] = (this.byStatus[status] ?? 0) + 1;
      if (status >= 500 && (status !== 503 || !stated.test(body))) return `${status} ${body.slice(0, 300)}`;
      // A HEAD request is answered without a body.
      if (status >= 400 && body !== '' && !/"code":"MR_\w+","message":.*"hint":/s.test(body)) {
        return `${status} without code and hint: ${body.slice(0, 300)}`;
      }
    }
    return undefined;
  }

  /** What a supervisor asks must be answered whatever else is asked. */
  async #watchHealth(until: number): Promise<void> {
    const bytes = Buffer.from('GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n');
    while (performance.now() < until) {
      const result = await exchange(this.#options.port, bytes, HEALTH_WITHIN_MS);
      const status = result.outcome === 'closed' ? result.answers[0]?.status : undefined;
      if (status !== 200) this.findings.push(`/health/live: ${result.outcome} ${status}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** The least that the process holds while it may tidy up. */
async function settled(pid: number, before: number): Promise<number> {
  const until = performance.now() + SETTLE_MS;
  let least = residentBytes(pid);
  while (performance.now() < until && least > before) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    least = Math.min(least, residentBytes(pid));
  }
  return least;
}

function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}
