/**
 * A process of its own that ships or restores once, to be killed at a failpoint: `ship DATA PLACE KEEP_MS NOW`, or `restore
 * PLACE DATA`.
 */
import { createLogger, systemClock } from '#platform';
import { readDirectoryStore, restoreBackup, Shipper, writeDirectoryStore } from '../index.ts';

const [, , act, first = '', second = '', keepMs = '0', now = '0'] = process.argv;
const { signal } = new AbortController();
const common = { passphrase: undefined, decisionsTopic: 'privacy', signal };

if (act === 'ship') {
  const store = await writeDirectoryStore(second);
  const shipper = await Shipper.open({
    ...common,
    store,
    dataDirectory: first,
    configurationFiles: [],
    keepMs: Number(keepMs),
    clock: { ...systemClock, now: () => Number(now) },
    logger: createLogger({ level: 'silent', name: 'test' }),
  });
  await shipper.ship();
  shipper.close();
  store.close();
} else {
  const store = await readDirectoryStore(first);
  await restoreBackup({ ...common, store, at: Number.POSITIVE_INFINITY, dataDirectory: second });
}
