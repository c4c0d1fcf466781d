import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#platform';
import { logContract, registryContract } from '../contract.ts';
import { openEmbeddedLog } from './embedded-log.ts';

async function openTemporary() {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-log-'));
  const open = () => openEmbeddedLog({ directory, clock: systemClock, synchronous: 'normal' });
  const log = await open();
  const dispose = async () => {
    await log.close();
    await rm(directory, { recursive: true });
  };
  return { log, registry: log.registry, another: open, clock: systemClock, sessionTimeoutMs: 3_000, dispose };
}

logContract('embedded log', openTemporary);
registryContract('embedded registry', openTemporary);
