/**
 * Millrace's side of one case, in a process of its own, on topics that the peer has filled. Prints a Measurement, or of a
 * restore the seconds that starting took:
 * `node case.ts BROKERS INSTANCE STATE NAME INPUT GUARANTEE COMMIT_MS [restore]`.
 */
import { Case, countOf } from '../engine/measure.ts';
import type { Guarantee } from './peer.ts';
import { subjectOnKafka } from './subject.ts';

export type RestoreMeasurement = { readonly seconds: number; readonly cpuSeconds: number };

const [brokers = '', instance = '', state = '', name = '', input = '', guarantee, commitMs, mode] =
  process.argv.slice(2);

async function main(): Promise<object> {
  const subject = await subjectOnKafka({
    brokers,
    instance,
    state,
    name,
    input,
    commitMs: Number(commitMs),
    guarantee: guarantee as Guarantee,
  });
  const running = await Case.open(subject);
  const cpu = process.cpuUsage();
  const since = performance.now();
  await running.runtime.start();
  const seconds = (performance.now() - since) / 1e3;
  const { user, system } = process.cpuUsage(cpu);
  const started: RestoreMeasurement = { seconds, cpuSeconds: (user + system) / 1e6 };
  const { log } = subject;
  const result = mode === 'restore' ? started : await running.measure(await countOf(log, input));
  await running.runtime.close();
  await log.close();
  return result;
}

process.stdout.write(`${JSON.stringify(await main())}\n`);
