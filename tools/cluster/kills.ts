/** Processes killed at random, and replaced by others with empty disks. */
import { setTimeout } from 'node:timers/promises';
import type { Cluster } from './cluster.ts';
import type { Replica } from './replica.ts';

export type KillOptions = {
  readonly everyMs: number;
  readonly random: () => number;
  readonly tell: (text: string) => void;
  readonly signal: AbortSignal;
};

/** Returns how often each was killed, when `signal` has aborted. */
export async function killAtRandom(
  cluster: Cluster,
  { everyMs, random, tell, signal }: KillOptions,
): Promise<ReadonlyMap<string, number>> {
  const kills = new Map<string, number>();
  for (;;) {
    await setTimeout(everyMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) return kills;
    const victims = await spared(cluster);
    const victim = victims[Math.floor(random() * victims.length)];
    if (victim === undefined) {
      tell('nobody can be spared: the processes killed before are not ready yet');
      continue;
    }
    await victim.kill();
    victim.start();
    kills.set(victim.name, (kills.get(victim.name) ?? 0) + 1);
    tell(`${victim.name} was killed and replaced`);
  }
}

/** Who takes requests has another one beside it that is ready: losing all of a kind is an outage of any design. */
async function spared({ replicas }: Cluster): Promise<readonly Replica[]> {
  const ready = await Promise.all(replicas.map((replica) => replica.isReady()));
  return replicas.filter(({ name, roles }, i) => {
    const isAsked = roles.includes('gateway') || roles.includes('responder');
    const others = replicas.filter(
      (other, o) => other.name !== name && ready[o] && isAlike(other.roles, roles),
    );
    return ready[i] && (!isAsked || others.length > 0);
  });
}

const isAlike = (one: readonly string[], other: readonly string[]) => one.join() === other.join();
