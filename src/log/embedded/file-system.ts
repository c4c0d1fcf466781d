import { statfs } from 'node:fs/promises';
import { ConfigurationError } from '#platform';

/** Magic numbers of statfs(2) on Linux whose locks or shared memory SQLite's WAL cannot rely on. */
const networkFileSystems: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xfe534d42, 'SMB2'],
  [0xff534d42, 'CIFS'],
  [0x65735546, 'FUSE'],
  [0x01021997, '9P'],
  [0x5346414f, 'AFS'],
  [0x73757245, 'Coda'],
  [0x564c, 'NCP'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
  [0x19830326, 'BeeGFS'],
]);

/** The name of a network file system by its statfs type; undefined for a local one. */
export function networkFileSystem(type: number): string | undefined {
  return networkFileSystems.get(type >>> 0);
}

/** ConfigurationError MR_LOG_NETWORK_FS for a directory on a network file system (told apart on Linux only). */
export async function refuseNetworkFileSystem(
  directory: string,
  typeOf: (path: string) => Promise<number> = async (path) => (await statfs(path)).type,
): Promise<void> {
  if (process.platform !== 'linux') return;
  const name = networkFileSystem(await typeOf(directory));
  if (name === undefined) return;
  throw new ConfigurationError('MR_LOG_NETWORK_FS', `${directory} is on a network file system (${name})`, {
    hint: 'SQLite needs the locks and shared memory of a local disk: put the data directory on one',
  });
}
