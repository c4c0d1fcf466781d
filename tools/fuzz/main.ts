/** `npm run fuzz -- --seconds 60`: attacks a server of its own over every route, and says what should not have been. */
import { parseArgs } from 'node:util';
import { fuzz } from './fuzz.ts';
import { startServer } from './server.ts';

const USAGE = `usage: npm run fuzz -- [--seconds N] [--seed N]

Starts a server with a small world and sends it requests that are wrong in every way, for N seconds (60), beginning
with the given seed (1). Ends with 1 when an answer was a 5xx other than a stated 503, when a request hung, when memory
did not come back to within 20%, or when SIGTERM with 300 slow connections open did not end the server within 10 s.
`;
const MEMORY_GROWTH = 1.2;
const STOP_WITHIN_MS = 10_000;

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: '1' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const [seconds, seed] = [Number(values.seconds), Number(values.seed)];
  if (values.help || !(seconds > 0) || !Number.isInteger(seed)) {
    console.log(USAGE);
    return values.help ? 0 : 2;
  }
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
