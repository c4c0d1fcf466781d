/** The programs of other makers that the servers are made of. */
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Each with the package of Debian and Ubuntu that brings it. */
const packages = {
  java: 'openjdk-17-jre-headless',
  kcat: 'kcat',
  mvn: 'maven',
  openssl: 'openssl',
  prometheus: 'prometheus',
  promtool: 'prometheus',
  'redis-server': 'redis-server',
} as const;

export type Program = keyof typeof packages;

/** Throws an Error that names every program that is missing and the command that brings it. */
export function requirePrograms(...programs: readonly Program[]): void {
  const missing = programs.filter((program) => pathOf(program) === undefined);
  if (missing.length === 0) return;
  const names = missing.map((program) => packages[program]).join(' ');
  throw new Error(`not found: ${missing.join(', ')}; apt-get install ${names}`);
}

function pathOf(program: string): string | undefined {
  const paths = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, program));
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Runs a program to its end and returns its standard output. Rejects, with what it printed, when it fails. */
export function runToEnd(program: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, [...args], { maxBuffer: 256 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      const printed = `${stderr}\n${stdout}`.trim().split('\n').slice(-20).join('\n');
      reject(new Error(`${program} ended with ${error.signal ?? error.code}:\n${printed}`));
    });
    // A program that does not read its input may be gone before it is written.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}
