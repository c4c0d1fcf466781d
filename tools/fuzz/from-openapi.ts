/** Requests that schemathesis makes of the server's own OpenAPI file, and how many of them came past the door. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { AttackedServer } from './server.ts';

export type OpenApiOptions = Pick<AttackedServer, 'port'> & {
  /** Where schemathesis is installed: its program. */
  readonly program: string;
  /** A token with all rights. */
  readonly token: string;
  readonly seconds: number;
  readonly seed: number;
};

export type OpenApiResult = {
  /** Whether schemathesis ran, and found nothing in an answer or in the document. */
  readonly isClean: boolean;
  readonly output: string;
  readonly byStatus: Readonly<Record<string, number>>;
  /** Requests to existing routes that neither access control nor load limits refused. */
  readonly pastTheDoor: number;
};

/** What is refused at the door: no or a wrong token, too few rights, too many requests, overload. */
const REFUSED = new Set(['401', '403', '429', '503']);

export async function fuzzFromOpenApi({
  port,
  program,
  token,
  seconds,
  seed,
}: OpenApiOptions): Promise<OpenApiResult> {
  const url = `http://127.0.0.1:${port}`;
  const authorization = `Bearer ${token}`;
  const parameters = {
    '--header': `authorization: ${authorization}`,
    '--max-time': seconds,
    '--request-timeout': 15,
    '--seed': seed,
    '--generation-database': 'none',
  };
  const child = spawn(program, [
    ...['--config-file', join(import.meta.dirname, 'schemathesis.toml'), 'run', `${url}/openapi.json`],
    ...Object.entries(parameters).flatMap(([name, value]) => [name, String(value)]),
    ...['--continue-on-failure', '--no-shrink'],
  ]);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  await once(child, 'close');
  const metrics = await fetch(`${url}/metrics`, { headers: { authorization } });
  const byStatus = countsOf(await metrics.text());
  const all = Object.values(byStatus).reduce((sum, count) => sum + count, 0);
  const refused = Object.entries(byStatus).filter(([status]) => REFUSED.has(status));
  const past = all - refused.reduce((sum, [, count]) => sum + count, 0);
  return { isClean: isClean(output), output, byStatus, pastTheDoor: past / Math.max(1, all) };
}

/** Its exit code is 1 as well where a request could not be made: Python 3.11 fails over some (`SystemError` of its parser). */
export function isClean(output: string): boolean {
  return /^Test cases:$/m.test(output) && !/^=+ FAILURES =+$|Schema Error/m.test(output);
}

/** Answers by status, of the routes that there are. */
export function countsOf(metrics: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [, labels = '', count] of metrics.matchAll(/^millrace_http_request_ms_count\{(.*)\} (\d+)$/gm)) {
    const status = /status="(\d+)"/.exec(labels)?.[1] ?? '';
    if (!labels.includes('route="unmatched"')) counts[status] = (counts[status] ?? 0) + Number(count);
  }
  return counts;
}
