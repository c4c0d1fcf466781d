/** What becomes of the records of swaps when a replay ends. */
import { FencedWriter, type Log } from '#log';
import { InputError } from '#platform';
import { type InForce, readInForce, swapsTopic } from './in-force.ts';

/** Errors: InputError MR_SWAP_IN_FORCE. */
export async function requireNotInForce(log: Log, name: string): Promise<void> {
  for (const { of, shadow } of (await readInForce(log)).values()) {
    if (shadow !== name) continue;
    const live = of.replace(/-\d+$/, '');
    throw new InputError('MR_SWAP_IN_FORCE', `Answers come from ${name}, a replay of ${live}.`, {
      hint: 'Swap back first: "millrace swap LIVE --back".',
    });
  }
}

/** One that is begun later under the name is another one: nothing is to be done to it in the name of this one. */
export async function forgetCopy(log: Log, name: string): Promise<void> {
  for (const [of, known] of await readInForce(log)) {
    if (!mentions(known, name)) continue;
    const [writer, newest] = await FencedWriter.openAndRead(log, `swap-${of}`, async () =>
      (await readInForce(log)).get(of),
    );
    try {
      if (newest !== undefined && newest.shadow !== name) await writer.write(without(newest, name));
    } finally {
      await writer.close();
    }
  }
}

function mentions({ previous, kept }: InForce, name: string): boolean {
  return previous === name || kept.some(({ shadow }) => shadow === name);
}

function without(inForce: InForce, name: string) {
  const { of, sinceMs } = inForce;
  const previous = inForce.previous === name ? null : inForce.previous;
  const kept = inForce.kept.filter(({ shadow }) => shadow !== name);
  const value = swapsTopic.value.encode({ ...inForce, previous, kept });
  const records = [{ key: Buffer.from(of), value, timestamp: sinceMs }];
  return { appends: [{ topic: swapsTopic.name, partition: 0, records }] };
}
