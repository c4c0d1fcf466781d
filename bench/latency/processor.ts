/**
 * The processing of the benchmark, in a process of its own: `node processor.ts DIRECTORY CASE COMMIT_MS`. Says `ready` when
 * it runs, and ends when its standard input does.
 */
import { once } from 'node:events';
import { StreamsRuntime } from '#engine';
import { declare } from '../threads/thread.ts';

const [directory = '', name = '', commitMs] = process.argv.slice(2);
const INSTANCE_ID = 'latency';
const data = { directory, name, state: INSTANCE_ID, commitIntervalMs: Number(commitMs) };
const { options, close } = await declare({ instanceId: INSTANCE_ID, connection: undefined, data });
const runtime = new StreamsRuntime({ ...options, instanceId: INSTANCE_ID });
await runtime.start();
const stop = new AbortController();
void once(process.stdin.resume(), 'end').then(() => stop.abort());
process.stdout.write('ready\n');
await runtime.run(stop.signal);
await close();
