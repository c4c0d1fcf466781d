/** What this machine gives to the process: Node, limits, the data directory, its disk and the port. */
import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { errorCode, freeBytes, inspectLock } from '#platform';
import { checkPort } from '#service';
import type { Configuration } from '#service/configuration';
import { type Finding, failure, ok, problem, warning } from './finding.ts';
import { roomCheck, syncFinding } from './judgements.ts';

const OLDEST_NODE = 24;
/** RocksDB, SQLite and connections of a process take some hundreds. */
const FEW_FILES = 4_096;
const SYNCS = 5;
const OTHERS = 0o077;

export function nodeCheck(version = process.versions.node): Finding {
  return Number.parseInt(version, 10) >= OLDEST_NODE
    ? ok('node', `Node ${version}.`)
    : problem('node', `Node ${version} is too old.`, `Use Node ${OLDEST_NODE} or newer.`);
}

/** `limits`: as /proc/self/limits has them; undefined where there is none. */
export function filesCheck(limits = readLimits()): Finding {
  const [, soft = ''] = /^Max open files +(\S+)/m.exec(limits ?? '') ?? [];
  if (soft === '') return ok('open files', 'The limit is not known on this system.');
  return soft === 'unlimited' || Number(soft) >= FEW_FILES
    ? ok('open files', `At most ${soft}.`)
    : warning('open files', `At most ${soft}.`, `Raise the limit: ulimit -n ${FEW_FILES} or more.`);
}

function readLimits(): string | undefined {
  try {
    return readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return undefined;
  }
}

/** The directory, its disk, and who may read what is in it. */
export function dataChecks({ data, disk }: Pick<Configuration, 'data' | 'disk'>): readonly Finding[] {
  try {
    if (!statSync(data).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' });
    accessSync(data, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const code = errorCode(error) ?? '';
    if (code === 'ENOENT')
      return [warning('data', `There is no ${data}.`, 'The first "millrace start" makes it; or use --data.')];
    const what =
      code === 'ENOTDIR' ? `${data} is no directory.` : `${data} cannot be read and written (${code}).`;
    return [problem('data', what, 'Choose another with --data, or change its owner or mode.')];
  }
  const { held, pid, purpose } = inspectLock(data);
  const user = held ? `; "millrace ${purpose}" (process ${pid}) uses it` : '';
  return [
    ok('data', `${data} can be written${user}.`),
    roomCheck(freeBytes(data), disk.reserveMb),
    syncCheck(data),
  ];
}

function syncCheck(data: string): Finding {
  const path = join(data, `.doctor-${process.pid}`);
  try {
    const file = openSync(path, 'wx', 0o600);
    const times: number[] = [];
    try {
      for (let i = 0; i < SYNCS; i++) {
        const begun = performance.now();
        writeSync(file, Buffer.alloc(4096));
        fsyncSync(file);
        times.push(performance.now() - begun);
      }
    } finally {
      closeSync(file);
      rmSync(path, { force: true });
    }
    return syncFinding(times);
  } catch (error) {
    return failure('fsync', error);
  }
}

/** Files that hold secrets: only their owner may read them. */
export function permissionChecks(paths: readonly string[]): readonly Finding[] {
  return paths.map((path) => {
    const check = 'permissions';
    try {
      const mode = statSync(path).mode & 0o777;
      const shown = mode.toString(8).padStart(3, '0');
      return (mode & OTHERS) === 0
        ? ok(check, `${path} is its owner's alone.`)
        : warning(check, `${path} can be used by others (mode ${shown}).`, `chmod 600 ${path}`);
    } catch (error) {
      return problem(
        check,
        `${path} cannot be looked at (${errorCode(error)}).`,
        'Create it, or correct the option that names it.',
      );
    }
  });
}

export async function portCheck(configuration: Configuration): Promise<Finding> {
  const { port } = configuration.http;
  if (port === 0) return ok('port', 'A free one is taken at each start.');
  const { held, purpose, address } = inspectLock(configuration.data);
  try {
    await checkPort(configuration);
    return ok('port', `Port ${port} is free.`);
  } catch (error) {
    if (held && address !== undefined && new URL(address).port === String(port))
      return ok('port', `Port ${port} is held by our own "millrace ${purpose}".`);
    return failure('port', error);
  }
}
