/**
 * The whole loop: how many events a second the processors take on one core, how soon an event changes an answer, how
 * fast answers are, and how long a new user waits for the first one. The product runs as its users run it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#platform';
import { freePort } from '#platform/testing';
import { percentile, printFigure } from './figure.ts';
import { onOneCore, writeWorld } from './world-log.ts';

const EVENTS = 100_000;
const ROOT = join(import.meta.dirname, '..');
const START_DEADLINE_MS = 300_000;
const POSTED_EVENTS = 60;
const CONNECTIONS = 8;
const LOAD_MS = 10_000;

export async function run(): Promise<void> {
  await benchProcessing();
  await benchProduct();
}

async function benchProcessing(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  try {
    await writeWorld(directory, EVENTS);
    const { seconds, cpuSeconds } = onOneCore(join(import.meta.dirname, 'loop', 'processing.ts'), directory);
    const shared = {
      bench: 'loop',
      case: 'admission to examples, one core',
      unit: 'events/s',
      aim: 15_000,
    } as const;
    printFigure({ ...shared, metric: 'events_per_second', value: EVENTS / seconds });
    printFigure({
      ...shared,
      unit: 'events/cpu-s',
      metric: 'records_per_cpu_second',
      value: EVENTS / cpuSeconds,
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** `millrace start` in a directory of its own, without live agents. */
async function benchProduct(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  const port = await freePort();
  const start = performance.now();
  const product = spawn(
    process.execPath,
    [join(ROOT, 'src', 'cli', 'main.ts'), 'start', '--data', directory],
    {
      stdio: 'ignore',
      env: {
        ...process.env,
        MILLRACE_HTTP_PORT: String(port),
        MILLRACE_SIMULATION_LIVE_EVENTS_PER_SECOND: '0',
      },
    },
  );
  try {
    const client = new Client(port);
    await until(async () => (await client.recommend('u1').catch(() => undefined))?.version != null, product);
    const seconds = (performance.now() - start) / 1e3;
    printFigure({
      bench: 'loop',
      case: 'start to first answer',
      metric: 'seconds',
      value: seconds,
      unit: 's',
      aim: 60,
    });
    await benchFreshness(client);
    await benchAnswers(client, product);
  } finally {
    product.kill('SIGINT');
    await once(product, 'exit');
    rmSync(directory, { recursive: true });
  }
}

/** From the acknowledged post of a click on an answered item to the first answer without that item. */
async function benchFreshness(client: Client): Promise<void> {
  const delays: number[] = [];
  for (let i = 0; i < POSTED_EVENTS; i++) {
    const user = `u${i + 1}`;
    const clicked = (await client.recommend(user)).items[0]?.item_id;
    const posted = performance.now();
    await client.post({ user_id: user, item_id: clicked, kind: 'click' });
    while ((await client.recommend(user)).items.some((item) => item.item_id === clicked)) {
      await systemClock.sleep(2);
    }
    delays.push(performance.now() - posted);
  }
  const shared = { bench: 'loop', case: 'event posted to changed answer', unit: 'ms' } as const;
  printFigure({ ...shared, metric: 'p50_ms', value: percentile(delays, 0.5) });
  printFigure({ ...shared, metric: 'p99_ms', value: percentile(delays, 0.99), aim: 1_000 });
}

async function benchAnswers(client: Client, product: ChildProcess): Promise<void> {
  const delays: number[] = [];
  const until = performance.now() + LOAD_MS;
  const cpuBefore = cpuSecondsOf(product);
  let user = 0;
  const connection = async () => {
    while (performance.now() < until) {
      const sent = performance.now();
      await client.recommend(`u${(user++ % 2_000) + 1}`);
      delays.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  const cpu = cpuSecondsOf(product) - cpuBefore;
  const name = `GET /recommend, k=10, ${CONNECTIONS} connections`;
  printFigure({ bench: 'loop', case: name, metric: 'p50_ms', value: percentile(delays, 0.5), unit: 'ms' });
  printFigure({ bench: 'loop', case: name, metric: 'p99_ms', value: percentile(delays, 0.99), unit: 'ms' });
  const perCore = {
    bench: 'loop',
    case: `${name}, a core of the server`,
    metric: 'requests_per_second',
  } as const;
  printFigure({ ...perCore, value: delays.length / cpu, unit: 'requests/s' });
}

/** CPU time of a process so far, all threads (Linux). */
function cpuSecondsOf({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const ticksPerSecond = 100;
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

async function until(isTrue: () => Promise<boolean>, product: ChildProcess): Promise<void> {
  const deadline = performance.now() + START_DEADLINE_MS;
  while (!(await isTrue())) {
    if (product.exitCode !== null) throw new Error(`the product ended with code ${product.exitCode}`);
    if (performance.now() > deadline) throw new Error('the product gave no answer in time');
    await systemClock.sleep(20);
  }
}

type AnswerBody = {
  readonly version: string | null;
  readonly items: readonly { readonly item_id: string }[];
};

class Client {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(port: number) {
    this.#port = port;
  }

  async recommend(user: string): Promise<AnswerBody> {
    return JSON.parse(await this.#send('GET', `/recommend/${user}?k=10`)) as AnswerBody;
  }

  async post(event: object): Promise<void> {
    await this.#send('POST', '/events', JSON.stringify(event));
  }

  #send(method: string, path: string, body?: string): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const outgoing = request({
      port: this.#port,
      host: '127.0.0.1',
      agent: this.#agent,
      method,
      path,
      headers,
    });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const isGood = (response.statusCode ?? 500) < 300;
        if (isGood) resolve(text);
        else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
      });
    });
    outgoing.end(body);
    return promise;
  }
}
