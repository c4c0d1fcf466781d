import { createHash } from 'node:crypto';
import { isatty } from 'node:tty';
import { pino } from 'pino';
import { terminalLine } from './terminal-line.ts';

type Write = {
  (message: string): void;
  (fields: object, message?: string): void;
};

/** Structured log. An error goes in the field `err`; a user's id goes in only as hashUser(id). */
export interface Logger {
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
  /** A logger that adds `fields` to each of its lines. */
  child(fields: Readonly<Record<string, unknown>>): Logger;
}

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * JSON lines on standard error, so that standard output stays the command's own; in a terminal lines that a person reads, unless
 * they ask for what a program has, at level debug. Written synchronously: the last line before a crash is there, and worker
 * threads can use it.
 */
export function createLogger({ level, name }: { level: LogLevel; name: string }): Logger {
  const standardError = pino.destination({ fd: STANDARD_ERROR, sync: true });
  const inTerminal = { write: (line: string) => standardError.write(terminalLine(line)) };
  const isForPeople = isatty(STANDARD_ERROR) && level !== 'debug';
  return pino(
    { level, name, base: { pid: process.pid }, serializers: { err: withoutOthersFields } },
    isForPeople ? inTerminal : standardError,
  );
}

const STANDARD_ERROR = 2;

/** Further fields of libraries' errors may have anything in them: the command that sends a password, or a request's headers. */
const shownOfErrors: ReadonlySet<string> = new Set([
  ...['type', 'message', 'stack', 'code', 'hint', 'remedy', 'aggregateErrors'],
  ...['errno', 'syscall', 'address', 'port', 'path'],
]);

function withoutOthersFields(error: Error): unknown {
  if (!(error instanceof Error)) return error;
  return shownFields(pino.stdSerializers.err(error));
}

function shownFields(serialized: object): object {
  const shown = Object.entries(serialized).filter(([name]) => shownOfErrors.has(name));
  return Object.fromEntries(
    shown.map(([name, value]) => [name, name === 'aggregateErrors' ? value.map(shownFields) : value]),
  );
}

/** What stands for a user in logs: enough to follow one through a log, too little to name anyone. */
export function hashUser(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, 12);
}
