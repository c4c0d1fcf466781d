/** `npm run mutate`: small mistakes planted in the code, and whether a test notices. See arguments.ts for its options. */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { globalSetup, globalTeardown } from '../servers/global-setup.ts';
import { type Arguments, readArguments, usage } from './arguments.ts';
import { runCampaign } from './campaign.ts';
import { isAlive, render, toJson } from './report.ts';
import { ROOMS } from './rooms.ts';

const root = join(import.meta.dirname, '../..');
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => interrupted.abort());
}
process.exitCode = await main();

async function main(): Promise<number> {
  let args: Arguments;
  try {
    args = readArguments(process.argv.slice(2), randomInt(1, 2 ** 31));
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    return 2;
  }
  if (args.help || args.rooms.length === 0) {
    console.log(args.help ? usage : `rooms: ${ROOMS.join(', ')}; all of them: all`);
    return 0;
  }
  try {
    await globalSetup();
    await mutate(args);
  } catch (error) {
    console.error((error as Error).message);
    return 1;
  } finally {
    await globalTeardown();
  }
  return interrupted.signal.aborted ? 130 : 0;
}

async function mutate({ rooms, sample, seed, seconds, jobs, json }: Arguments): Promise<void> {
  let survivors = 0;
  const report = await runCampaign({
    root,
    rooms,
    sample,
    seed,
    jobs,
    limitMs: seconds * 1000,
    signal: interrupted.signal,
    onVerdict: (verdict, done, chosen) => {
      if (isAlive(verdict)) survivors++;
      if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${chosen}, ${survivors} alive `);
    },
  });
  if (process.stderr.isTTY) process.stderr.write('\n');
  console.log(json ? toJson(report) : render(report));
}
