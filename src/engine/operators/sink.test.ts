import assert from 'node:assert/strict';
import { it } from 'node:test';
import { RecordBuffer, StoredBatch } from '#log';
import { type Serde, type Topic, textKey } from '../serde.ts';
import { TopologyBuilder } from '../topology/builder.ts';
import { Output, type Step } from './operator.ts';
import { Outbox } from './outbox.ts';
import { derived, RecordList } from './record.ts';
import { SinkOperator } from './sink.ts';
import { SourceOperator } from './source.ts';

/** Text behind the id of a schema; what `id` writes is in small letters, what it reads in any. */
function letters(id: number, fingerprint = 'letters'): Serde<string> {
  const decodeAt = (bytes: Buffer, start: number, end: number) => bytes.toString('utf8', start + 1, end);
  const encode = (value: string) => Buffer.from(String.fromCharCode(id) + value.toLowerCase());
  return {
    encode,
    encodeInto: (value, target, at) => {
      const bytes = encode(value);
      return at + bytes.length > target.length
        ? target.length - at - bytes.length
        : at + bytes.copy(target, at);
    },
    decode: (bytes) => decodeAt(bytes, 0, bytes.length),
    decodeAt,
    isOwnAt: (bytes, start) => bytes[start] === id,
    prepare: async () => {},
    fingerprint: Buffer.from(fingerprint),
    framing: 1,
  };
}

const topic = (name: string, value: Serde<string>): Topic<string, string> => {
  return { name, partitions: 1, cleanup: { policy: 'delete', retentionMs: null }, key: textKey, value };
};

const step: Step = {
  wallNow: 0,
  triesWrites: false,
  reject: (_cause, _operator, error) => {
    throw error;
  },
  drop: () => {},
  undeclaredRead: () => {},
  traced: () => {},
};

/** What a sink writes of these values, each of them given to it as it was read, and once more as a function's result. */
async function written(from: Serde<string>, to: Serde<string>, values: readonly string[]): Promise<string[]> {
  const builder = new TopologyBuilder({ name: 'copy', generation: 1 });
  builder.source(topic('from', from)).to(topic('to', to));
  const [topology] = builder.build().subTopologies;
  const [source, sink] = [topology?.sources[0], topology?.sinks[0]];
  assert.ok(topology && source && sink);
  const output = new Output();
  const read = new RecordList();
  output.connect(read);
  const operator = new SourceOperator(source, output);
  const records = values.map((value) => ({ key: Buffer.from('k'), value: Buffer.from(value), timestamp: 1 }));
  const [stored] = RecordBuffer.of(records).encode();
  const batch = new StoredBatch('from', 0, 0, stored?.bytes ?? new Uint8Array());
  for (let index = 0; index < batch.count; index++)
    operator.input.push({ source: source.name, batch, index, sequence: index });
  await operator.run(step);
  const outbox = new Outbox();
  const writer = new SinkOperator(sink, outbox, 0, topology.sources);
  for (let i = 0; i < read.length; i++) {
    const record = read.at(i);
    writer.input.push(record);
    // A function may have changed it where it lies.
    writer.input.push(derived(record, record.key, record.value, 2));
  }
  writer.run(step);
  return [...(outbox.peek('to', 0) ?? [])].map(({ key, value, timestamp }) => `${key} ${value} ${timestamp}`);
}

it('a value that was read as it would be written keeps its bytes, any other is encoded', async () => {
  const values = ['\x01As', '\x02Bs'];
  assert.deepEqual(await written(letters(1), letters(1), values), [
    'k \x01As 1',
    'k \x01as 2',
    'k \x01bs 1',
    'k \x01bs 2',
  ]);
  const encoded = ['k \x03as 1', 'k \x03as 2', 'k \x03bs 1', 'k \x03bs 2'];
  assert.deepEqual(await written(letters(1), letters(3), values), encoded);
});

it('a value of another schema with the same id is encoded', async () => {
  const values = await written(letters(1, 'others'), letters(1), ['\x01As']);
  assert.deepEqual(values, ['k \x01as 1', 'k \x01as 2']);
});
