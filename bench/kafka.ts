/**
 * The engine on Kafka beside Kafka Streams, on one broker and over one input, in one run:
 * `npm run bench -- kafka --peer [CASE...]`. Cases: T1 to T4 at exactly once and 100 ms, T1 at least once and with commits of
 * 1 s, and the restore of two million keys. Each side runs in a process of its own, one after the other; a peer that does not
 * come to its end is ended, and its figures are missing.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Measurement } from './engine/measure.ts';
import { printFigure, printMissing } from './figure.ts';
import type { RestoreMeasurement } from './kafka/case.ts';
import { type Guarantee, NO_END, Peer } from './kafka/peer.ts';
import { LARGE_YOUNG_GENERATION } from './runtime-options.ts';

const EVENTS = 2_000_000;
const PORT = 29_192;
/** Of the peer's warm records a CPU-second. */
const RATIO_AIM = 3;

type Setting = { readonly case: string; readonly guarantee: Guarantee; readonly commitMs: number };
const standard = (name: string): Setting => ({ case: name, guarantee: 'exactly-once', commitMs: 100 });
const settings: readonly Setting[] = [
  ...['T1', 'T2', 'T3', 'T4'].map(standard),
  { case: 'T1', guarantee: 'exactly-once', commitMs: 1_000 },
  { case: 'T1', guarantee: 'at-least-once', commitMs: 100 },
];

export async function run(): Promise<void> {
  const chosen = process.argv.slice(3).filter((each) => each !== '--peer');
  const withPeer = process.argv.includes('--peer');
  const work = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  const peer = new Peer(work, PORT);
  await peer.startBroker();
  try {
    for (const setting of settings) {
      if (chosen.length === 0 || chosen.includes(setting.case)) await compare(peer, work, setting, withPeer);
    }
    if (chosen.length === 0 || chosen.includes('restore')) await compareRestore(peer, work);
  } finally {
    await peer.stopBroker();
    rmSync(work, { recursive: true });
  }
}

function ours(peer: Peer, work: string, instance: string, ...parameters: readonly string[]): string {
  const script = join(import.meta.dirname, 'kafka', 'case.ts');
  return execFileSync(
    process.execPath,
    [...LARGE_YOUNG_GENERATION, script, peer.brokers, instance, join(work, instance), ...parameters],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  );
}

async function compare(
  peer: Peer,
  work: string,
  { case: name, guarantee, commitMs }: Setting,
  withPeer: boolean,
): Promise<void> {
  const label = `${name}, ${guarantee}, ${commitMs} ms`;
  // The peer fills the input.
  const theirs = await peer.measure(name, EVENTS, guarantee, commitMs);
  const instance = `${name}-${guarantee}-${commitMs}`.toLowerCase();
  const brokerBefore = peer.brokerCpuSeconds();
  const own = JSON.parse(
    ours(peer, work, instance, name, `views-zipf-${EVENTS}`, guarantee, String(commitMs)),
  ) as Measurement;
  const brokerSeconds = peer.brokerCpuSeconds() - brokerBefore;
  const shared = { bench: 'kafka', unit: 'records/s' } as const;
  const perCpu = { bench: 'kafka', metric: 'records_per_cpu_second', unit: 'records/cpu-s' } as const;
  const { whole, warm } = own;
  printFigure({ ...shared, case: label, metric: 'records_per_second', value: whole.records / whole.seconds });
  printFigure({ ...perCpu, case: label, value: whole.records / whole.cpuSeconds });
  printFigure({ ...perCpu, case: `${label}, second half`, value: warm.records / warm.cpuSeconds });
  printFigure({
    bench: 'kafka',
    case: `${label}, the broker's processor`,
    metric: 'seconds',
    value: brokerSeconds,
    unit: 's',
  });
  if (!withPeer) return;
  if (theirs === undefined) return printMissing({ bench: 'kafka', case: `${label}, peer` }, NO_END);
  printFigure({ ...shared, case: `${label}, peer`, metric: 'records_per_second', value: theirs.rec_per_s });
  printFigure({ ...perCpu, case: `${label}, peer`, value: theirs.rec_per_cpu_s });
  printFigure({ ...perCpu, case: `${label}, peer, second half`, value: theirs.half2_rec_per_cpu_s });
  printFigure({
    bench: 'kafka',
    case: `${label}, second half to peer's`,
    metric: 'ratio',
    value: warm.records / warm.cpuSeconds / theirs.half2_rec_per_cpu_s,
    unit: '',
    aim: RATIO_AIM,
  });
}

async function compareRestore(peer: Peer, work: string): Promise<void> {
  const theirs = await peer.restore(EVENTS);
  const input = `views-distinct-${EVENTS}`;
  const parameters = ['T1', input, 'exactly-once', '100'];
  ours(peer, work, 'restore', ...parameters);
  rmSync(join(work, 'restore'), { recursive: true });
  const { seconds, cpuSeconds } = JSON.parse(
    ours(peer, work, 'restore', ...parameters, 'restore'),
  ) as RestoreMeasurement;
  const rate = { bench: 'kafka', metric: 'records_per_second', unit: 'records/s' } as const;
  const perCpu = { bench: 'kafka', metric: 'records_per_cpu_second', unit: 'records/cpu-s' } as const;
  const whole = { bench: 'kafka', metric: 'seconds', unit: 's' } as const;
  printFigure({
    ...rate,
    case: 'restore',
    value: EVENTS / seconds,
    ...(theirs && { aim: theirs.rec_per_s }),
  });
  printFigure({ ...perCpu, case: 'restore', value: EVENTS / cpuSeconds });
  printFigure({ ...whole, case: 'restore, start to running', value: seconds });
  if (theirs === undefined) return printMissing({ bench: 'kafka', case: 'restore, peer' }, NO_END);
  printFigure({ ...rate, case: 'restore, peer', value: theirs.rec_per_s });
  printFigure({ ...perCpu, case: 'restore, peer', value: theirs.records / theirs.cpu_s });
  printFigure({ ...whole, case: 'restore, start to running, peer', value: theirs.start_to_running_s });
}
