/** What a run has to leave: every acknowledged event once, and state that is what its inputs make. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readableRecords } from '#engine';
import { withLogOf } from './catalogue.ts';
import type { Cluster } from './cluster.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');
const MOST_OUTPUT_BYTES = 64_000_000;

export type EventProof = { readonly accepted: number; readonly missing: number; readonly twice: number };

/** Compares topic `interactions-accepted` with the ids that clients were told of. */
export async function proveEvents(cluster: Cluster, acknowledged: ReadonlySet<string>): Promise<EventProof> {
  const times = new Map<string, number>();
  await withLogOf(cluster, async ({ log, topics }) => {
    const records = readableRecords(log, topics['interactions-accepted'], {
      from: 'start',
      onUndecodable: () => {},
    });
    for await (const batch of records) {
      for (const { value } of batch) {
        const id = value?.event_id;
        if (id?.startsWith('load-')) times.set(id, (times.get(id) ?? 0) + 1);
      }
    }
  });
  return {
    accepted: times.size,
    missing: [...acknowledged].filter((id) => !times.has(id)).length,
    twice: [...times.values()].filter((count) => count > 1).length,
  };
}

type Finding = { readonly task?: string; readonly result: string };

/** `millrace verify` from nowhere: journals replayed, or everything rebuilt from the log, and compared by digest. */
export async function proveState(
  cluster: Cluster,
  args: readonly string[] = [],
): Promise<{ readonly equal: number; readonly others: readonly Finding[] }> {
  const command = [
    MAIN,
    'verify',
    '--json',
    '--config',
    cluster.configuration,
    '--data',
    cluster.spare,
    ...args,
  ];
  const run = promisify(execFile)(process.execPath, command, { maxBuffer: MOST_OUTPUT_BYTES });
  const { stdout } = await run.catch((error: { readonly stdout?: string; readonly stderr?: string }) => {
    if (!error.stdout) throw error;
    return { stdout: error.stdout };
  });
  const findings = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Finding);
  const others = findings.filter(({ result }) => result !== 'equal');
  return { equal: findings.length - others.length, others };
}
