/** One job of one client in a process of its own, so that its processor time is known: child.ts CLIENT JOB WORK. */
import { type Client, Meter, type Work } from './work.ts';

const [name = '', job = '', text = ''] = process.argv.slice(2);
const work = JSON.parse(text) as Work;
const { client } = (await import(`./${name}.ts`)) as { client: Client };
const meter = new Meter(work);
await (job === 'produce' ? client.produce(work, meter) : client.consume(work, meter));
process.stdout.write(`${JSON.stringify(meter.rates)}\n`);
