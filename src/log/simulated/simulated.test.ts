import { systemClock } from '#platform';
import { logContract, registryContract } from '../contract.ts';
import { openSimulatedLog } from './simulated-log.ts';

/** Park and Miller's generator (CACM 1988): enough to draw delays from. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 0x7fffffff;
    return state / 0x7fffffff;
  };
}

async function openOnSystemClock() {
  const log = openSimulatedLog({ clock: systemClock, random: seeded(42) });
  const another = async () => log.connect();
  return {
    log,
    registry: log.registry,
    another,
    clock: systemClock,
    sessionTimeoutMs: 300,
    dispose: () => log.close(),
  };
}

logContract('simulated log', openOnSystemClock);
registryContract('simulated registry', openOnSystemClock);
