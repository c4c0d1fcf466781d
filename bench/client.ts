/**
 * The Kafka client by itself: `npm run bench -- client [--peer] [RECORDS [ROUNDS [HOST:PORT]]]`. Records of 120 bytes are
 * produced to a topic of four partitions and read from another by a reader that sees only what is committed; with --peer also by
 * kafkajs and by the wire library's own client. Each job is a process of its own, the clients take turns, and the median of
 * the rounds counts. Without an address a broker is started.
 */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openKafkaLog, parseKafkaUrl } from '#log';
import { systemClock } from '#platform';
import { KafkaServer } from '#servers';
import { PARTITIONS, type Rates, type Work } from './client/work.ts';
import { percentile, printFigure } from './figure.ts';

const OWN = 'millrace';
const PEERS = ['kafkajs', 'platformatic'];
const AIMS = { produce: 3, consume: 5 } as const;
type Job = keyof typeof AIMS;
const WARM_UP_SHARE = 0.25;

const execute = promisify(execFile);

export async function run(): Promise<void> {
  const parameters = process.argv.slice(3).filter((each) => each !== '--peer');
  const [records = 2_000_000, rounds = 3] = parameters.slice(0, 2).map(Number);
  const clients = process.argv.includes('--peer') ? [OWN, ...PEERS] : [OWN];
  const address = parameters[2];
  const server = address === undefined ? await KafkaServer.start() : undefined;
  try {
    const brokers = (server?.brokers ?? address ?? '').split(',');
    await compare(brokers, clients, records, rounds);
  } finally {
    await server?.stop();
  }
}

async function compare(
  brokers: readonly string[],
  clients: readonly string[],
  records: number,
  rounds: number,
): Promise<void> {
  const prefix = `bench-client-${process.pid}`;
  const log = await openKafkaLog(parseKafkaUrl(`kafka://${brokers.join(',')}`), {
    clock: systemClock,
    random: Math.random,
  });
  const makeTopic = async (name: string): Promise<Work> => {
    const topic = `${prefix}-${name}`;
    const cleanup = { policy: 'delete', retentionMs: null } as const;
    await log.createTopics([{ name: topic, partitions: PARTITIONS, cleanup }]);
    return { brokers, topic, records, warmUp: WARM_UP_SHARE * records };
  };
  const input = await makeTopic('input');
  await runJob(OWN, 'produce', input);
  const measured = new Map<string, Rates[]>();
  const note = (client: string, job: Job, rates: Rates) => {
    const name = `${job}, ${client}`;
    measured.set(name, [...(measured.get(name) ?? []), rates]);
  };
  for (let round = 0; round < rounds; round++) {
    for (const client of clients) {
      const output = await makeTopic(`${client}-${round}`);
      note(client, 'produce', await runJob(client, 'produce', output));
      await log.deleteTopics([output.topic]);
      note(client, 'consume', await runJob(client, 'consume', input));
    }
  }
  await log.deleteTopics([input.topic]);
  await log.close();
  for (const job of ['produce', 'consume'] as const) print(job, clients, measured);
}

async function runJob(client: string, job: Job, work: Work): Promise<Rates> {
  const script = join(import.meta.dirname, 'client', 'child.ts');
  const { stdout } = await execute(process.execPath, [script, client, job, JSON.stringify(work)]);
  return JSON.parse(stdout) as Rates;
}

/** Medians, and what they are to the better peer's. */
function print(job: Job, clients: readonly string[], measured: ReadonlyMap<string, readonly Rates[]>): void {
  const median = (client: string, of: (rates: Rates) => number) =>
    percentile((measured.get(`${job}, ${client}`) ?? []).map(of), 0.5);
  const metrics = [
    ['records_per_second', 'records/s', (rates: Rates) => rates.records / rates.seconds],
    ['records_per_cpu_second', 'records/cpu-s', (rates: Rates) => rates.records / rates.cpuSeconds],
  ] as const;
  for (const [metric, unit, of] of metrics) {
    for (const client of clients) {
      printFigure({ bench: 'client', case: `${job}, ${client}`, metric, value: median(client, of), unit });
    }
    const peers = clients.filter((client) => client !== OWN);
    if (peers.length === 0) continue;
    const value = median(OWN, of) / Math.max(...peers.map((client) => median(client, of)));
    printFigure({
      bench: 'client',
      case: `${job}, to the better peer`,
      metric: 'ratio',
      value,
      unit: `${unit} : ${unit}`,
      aim: AIMS[job],
    });
  }
}
