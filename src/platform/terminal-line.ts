/** A line of the log as a person reads it in a terminal. */

const WORDS: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info', 40: 'warning', 50: 'error' };

type Logged = {
  readonly level: number;
  readonly msg?: string;
  readonly err?: { readonly message?: string; readonly code?: string; readonly hint?: string };
  readonly [field: string]: unknown;
};

/** Fields that say where a line comes from, which is where it is read. */
const OF_THE_PROCESS: readonly string[] = ['level', 'time', 'pid', 'name', 'msg', 'err'];

/** Turns a JSON line into words, without the stacks of its errors. */
export function terminalLine(json: string): string {
  const logged = JSON.parse(json) as Logged;
  const { level, msg = '', err } = logged;
  const fields = Object.entries(logged)
    .filter(([name]) => !OF_THE_PROCESS.includes(name))
    .map(([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const code = err?.code === undefined ? '' : ` (${err.code})`;
  const parts = [
    `${WORDS[level] ?? level}: ${msg}${fields.length === 0 ? '' : ` [${fields.join(', ')}]`}`,
    ...(err === undefined ? [] : [`${err.message ?? 'unknown'}${code}`]),
  ];
  const hint = err?.hint === undefined ? '' : `\nhint: ${err.hint}`;
  return `${parts.join(': ')}${hint}\n`;
}
