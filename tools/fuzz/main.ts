/** `npm run fuzz -- --seconds 60`: attacks a server of its own over every route, and says what should not have been. */

import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { fuzzFromOpenApi } from './from-openapi.ts';
import { fuzz } from './fuzz.ts';
import { startServer } from './server.ts';

const USAGE = `usage: npm run fuzz -- [--seconds N] [--seed N] [--openapi PROGRAM]

Starts a server with a small world and sends it requests that are wrong in every way, for N seconds (60), beginning
with the given seed (1). Ends with 1 when an answer was a 5xx other than a stated 503, when a request hung, when memory
did not come back to within 20%, or when SIGTERM with 300 slow connections open did not end the server within 10 s.

With --openapi, the requests are those that schemathesis makes of the server's /openapi.json: PROGRAM is where it is
(tools/fuzz/requirements.txt). Ends with 1 when it found a server error or an answer other than declared, or when more than
half of its requests were refused for their caller or the load.
`;
const MEMORY_GROWTH = 1.2;
const STOP_WITHIN_MS = 10_000;

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: '1' },
      openapi: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const [seconds, seed] = [Number(values.seconds), Number(values.seed)];
  if (values.help || !(seconds > 0) || !Number.isInteger(seed)) {
    console.log(USAGE);
    return values.help ? 0 : 2;
  }
  if (values.openapi !== undefined) return fromOpenApi(values.openapi, { seconds, seed });
  const server = await startServer();
  try {
    const { sent, byStatus, findings, residentBefore, residentAfter } = await fuzz({
      ...server,
      seed,
      seconds,
    });
    const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
    console.log(`${sent} requests in ${seconds} s; answers by status: ${JSON.stringify(byStatus)}`);
    console.log(`memory ${megabytes(residentBefore)} before, ${megabytes(residentAfter)} after`);
    const problems = [...findings];
    if (residentAfter > MEMORY_GROWTH * residentBefore)
      problems.push('memory has not come back to within 20%');
    const { code, ms } = await server.stop(300);
    console.log(`SIGTERM with 300 slow connections: exit code ${code} after ${Math.round(ms)} ms`);
    if (code !== 0 || ms > STOP_WITHIN_MS) problems.push('the server has not ended in order within 10 s');
    for (const problem of problems) console.log(`FOUND ${problem}`);
    if (problems.length > 0) console.log(server.errors().slice(-5_000));
    return problems.length === 0 ? 0 : 1;
  } finally {
    await server.remove();
  }
}

async function fromOpenApi(
  program: string,
  options: { readonly seconds: number; readonly seed: number },
): Promise<number> {
  const token = randomBytes(16).toString('hex');
  // It checks each of its answers against the schema as well.
  const server = await startServer({ MILLRACE_ADMIN_TOKEN: token, MILLRACE_HTTP_CHECKED: '1' });
  try {
    const { isClean, output, byStatus, pastTheDoor } = await fuzzFromOpenApi({
      ...{ ...server, ...options },
      ...{ program, token },
    });
    const share = `${Math.round(100 * pastTheDoor)}%`;
    console.log(`answers by status: ${JSON.stringify(byStatus)}; ${share} past authentication and limits`);
    if (!isClean) console.log(output);
    if (pastTheDoor < 0.5) console.log('FOUND more than half of the requests were refused at the door');
    return isClean && pastTheDoor >= 0.5 ? 0 : 1;
  } finally {
    await server.remove();
  }
}
