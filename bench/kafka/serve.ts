/**
 * A case on Kafka that runs until its standard input ends: `node serve.ts BROKERS INSTANCE STATE NAME INPUT COMMIT_MS`. Says
 * `ready` when it runs.
 */
import { once } from 'node:events';
import { Case } from '../engine/measure.ts';
import { subjectOnKafka } from './subject.ts';

const [brokers = '', instance = '', state = '', name = '', input = '', commitMs] = process.argv.slice(2);
const subject = await subjectOnKafka({ brokers, instance, state, name, input, commitMs: Number(commitMs) });
const { runtime } = await Case.open(subject);
await runtime.start();
const stop = new AbortController();
void once(process.stdin.resume(), 'end').then(() => stop.abort());
process.stdout.write('ready\n');
await runtime.run(stop.signal);
await subject.log.close();
