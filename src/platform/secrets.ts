/**
 * Secrets that the configuration refers to instead of holding them: `file:/run/secrets/x`, `env:NAME`, and `exec:command`
 * for what Vault, SOPS or a cloud's manager print. Errors name the option and where it is set. They never hold the value, what
 * the command printed, or its arguments, which may be credentials themselves.
 */
import { execFile, spawnSync } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConfigurationError, errorCode } from './errors.ts';

export type SecretReference =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'exec'; readonly program: string; readonly args: readonly string[] };

/** The option that a secret is for, and what its reference is resolved against. */
export type SecretPlace = {
  readonly option: string;
  /** Where the reference stands, such as `environment variable MILLRACE_ADMIN_TOKEN`. */
  readonly source: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The working directory. */
  readonly directory: string;
  /** How long a command may take, ms. */
  readonly commandMs?: number;
};

/** Bytes that a secret may have, its trailing newline included. */
const LONGEST_SECRET = 65_536;
const COMMAND_MS = 10_000;

/** Undefined for a value that is no reference. Errors: MR_CONFIG_SECRET for a reference to nothing. */
export function parseReference(text: string, place: SecretPlace): SecretReference | undefined {
  const match = /^(file|env|exec):(.*)$/s.exec(text);
  if (match === null) return undefined;
  const [, kind, rest = ''] = match;
  if (rest.trim() === '') throw unreadable(place, `has nothing after "${kind}:"`);
  if (kind === 'file') return { kind, path: rest };
  if (kind === 'env') return { kind, name: rest };
  const [program = '', ...args] = wordsOf(rest, place);
  return { kind: 'exec', program, args };
}

/** A reference as it may be shown: without the arguments of a command. */
export function describeReference(reference: SecretReference): string {
  if (reference.kind === 'file') return `file:${reference.path}`;
  if (reference.kind === 'env') return `env:${reference.name}`;
  return `exec:${reference.program}${reference.args.length === 0 ? '' : ' ...'}`;
}

/** Waits for a command without doing anything else: for a start. Errors: MR_CONFIG_SECRET. */
export function readSecretNow(reference: SecretReference, place: SecretPlace): string {
  if (reference.kind !== 'exec') return readAtOnce(reference, place);
  const { program, args } = reference;
  const { error, status, signal, stdout } = spawnSync(program, args, commandOptions(place));
  if (error !== undefined) throw commandFailed(program, error, place);
  if (status !== 0) throw unreadable(place, `command ${program} ${endOf(status, signal)}`);
  return soundSecret(stdout, `command ${program}`, place);
}

/** As readSecretNow, in a process that serves meanwhile. */
export async function readSecret(reference: SecretReference, place: SecretPlace): Promise<string> {
  if (reference.kind !== 'exec') return readAtOnce(reference, place);
  const { program, args } = reference;
  const printed = await new Promise<Buffer>((done, fail) => {
    const child = execFile(
      program,
      args,
      { ...commandOptions(place), encoding: 'buffer' },
      (error, stdout) => {
        if (error === null) done(stdout);
        else if (typeof error.code === 'number') {
          fail(unreadable(place, `command ${program} ${endOf(error.code, null)}`));
        } else fail(commandFailed(program, error, place));
      },
    );
    child.stdin?.end();
  });
  return soundSecret(printed, `command ${program}`, place);
}

function commandOptions({ environment, directory, commandMs = COMMAND_MS }: SecretPlace) {
  return {
    cwd: directory,
    env: environment,
    timeout: commandMs,
    killSignal: 'SIGKILL',
    maxBuffer: LONGEST_SECRET,
    input: '',
  } as const;
}

/** What a command printed on standard error may hold the secret: it is not shown. */
function commandFailed(program: string, error: Error, place: SecretPlace): ConfigurationError {
  const code = errorCode(error);
  const isTooLong = code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER' || code === 'ENOBUFS';
  if (isTooLong) return tooLong(`command ${program}`, place);
  if (code === 'ENOENT' || code === 'EACCES') {
    return unreadable(place, `command ${program} cannot be run (${code})`);
  }
  const isLate = code === 'ETIMEDOUT' || ('killed' in error && error.killed === true);
  const { commandMs = COMMAND_MS } = place;
  return unreadable(
    place,
    `command ${program} ${isLate ? `took more than ${commandMs / 1_000} s` : 'was ended by a signal'}`,
  );
}

const endOf = (status: number | null, signal: NodeJS.Signals | null) =>
  status === null ? `was ended by ${signal}` : `failed with exit code ${status}`;

function readAtOnce(reference: Exclude<SecretReference, { kind: 'exec' }>, place: SecretPlace): string {
  if (reference.kind === 'file') return readFile(resolve(place.directory, reference.path), place);
  const value = place.environment[reference.name];
  const where = `environment variable ${reference.name}`;
  if (value === undefined) throw unreadable(place, `${where} is not set`);
  return soundSecret(Buffer.from(value), where, place);
}

/** No more than LONGEST_SECRET, whatever the file is: a device would never end, and a pipe never begin. */
function readFile(path: string, place: SecretPlace): string {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    if (!fstatSync(file).isFile()) throw unreadable(place, `${path} is not a file`);
    const bytes = Buffer.alloc(LONGEST_SECRET + 1);
    return soundSecret(bytes.subarray(0, readSync(file, bytes)), `file ${path}`, place);
  } catch (cause) {
    if (cause instanceof ConfigurationError) throw cause;
    throw unreadable(place, `file ${path} cannot be read (${errorCode(cause)})`);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Without its trailing newline, which editors and commands add. */
function soundSecret(bytes: Buffer, where: string, place: SecretPlace): string {
  if (bytes.length > LONGEST_SECRET) throw tooLong(where, place);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw unreadable(place, `${where} does not hold UTF-8 text`);
  }
  const secret = text.replace(/\r?\n$/, '');
  if (secret === '') throw unreadable(place, `${where} is empty`);
  return secret;
}

/** Words are separated by spaces; one that has spaces itself stands in quotes. There is no shell. */
function wordsOf(text: string, place: SecretPlace): readonly string[] {
  const words = text.trim().match(/"[^"]*"(?!\S)|'[^']*'(?!\S)|[^\s"']+(?!\S)|\S+/g) ?? [];
  return words.map((word) => {
    const unquoted = /^(["'])(.*)\1$/s.exec(word)?.[2] ?? word;
    if (unquoted === word && /["']/.test(word)) {
      throw unreadable(place, 'has a quote in the middle of a word, or one that is not closed');
    }
    return unquoted;
  });
}

function tooLong(where: string, place: SecretPlace): ConfigurationError {
  return unreadable(place, `${where} has more than ${LONGEST_SECRET} bytes`);
}

/** Without a cause: what Node tells of a failed command has its arguments and its output. */
function unreadable({ option, source }: SecretPlace, problem: string): ConfigurationError {
  return new ConfigurationError(
    'MR_CONFIG_SECRET',
    `The secret of option ${option}, which ${source} refers to, cannot be read: ${problem}.`,
    { hint: `Correct ${option} in ${source}; docs/SECURITY.md lists the forms that a secret may have.` },
  );
}
