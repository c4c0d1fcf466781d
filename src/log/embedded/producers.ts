import type { EncodedBatch } from '../batch.ts';
import { commitInProgress, keyRequired, logClosed } from '../errors.ts';
import type {
  Appended,
  GroupMetadata,
  OffsetCommit,
  Producer,
  Records,
  TransactionalProducer,
} from '../port.ts';
import { RecordBuffer } from '../record-buffer.ts';
import type { Append, Offsets } from './messages.ts';
import type { WriterConnection } from './writer-client.ts';

type Call = {
  readonly records: RecordBuffer;
  resolve(appended: Appended): void;
  reject(error: unknown): void;
};

/** The appends to one partition: what arrives while one is under way goes together in the next, in order. */
type Lane = { readonly topic: string; readonly partition: number; waiting: Call[]; busy: boolean };

/** How many records go in one request at most. */
const MAX_RECORDS = 20_000;

export class EmbeddedProducer implements Producer {
  readonly #writer: WriterConnection;
  readonly #lookUpCompacted: (topic: string) => boolean;
  readonly #onClose: (producer: EmbeddedProducer) => void;
  readonly #compacted = new Map<string, boolean>();
  readonly #lanes = new Map<string, Lane>();
  readonly #idle: (() => void)[] = [];
  #busy = 0;
  #closed = false;

  constructor(
    writer: WriterConnection,
    lookUpCompacted: (topic: string) => boolean,
    onClose: (producer: EmbeddedProducer) => void,
  ) {
    this.#writer = writer;
    this.#onClose = onClose;
    this.#lookUpCompacted = lookUpCompacted;
  }

  append(topic: string, partition: number, appended: Records): Promise<Appended> {
    return new Promise((resolve, reject) => {
      if (this.#closed || this.#writer.closed) throw logClosed();
      // A record that is refused must not take its neighbours with it.
      const records = bufferOf(appended);
      const call = { records, resolve, reject };
      const name = `${topic}/${partition}`;
      let lane = this.#lanes.get(name);
      if (lane === undefined) {
        lane = { topic, partition, waiting: [], busy: false };
        this.#lanes.set(name, lane);
      }
      if (records.hasNullKey && this.#isCompacted(topic)) {
        throw keyRequired({ topic, partition });
      }
      lane.waiting.push(call);
      if (!lane.busy) void this.#run(lane);
    });
  }

  /** Remembered; should the topic be recreated with another policy, the writer refuses what this lets pass. */
  #isCompacted(topic: string): boolean {
    let compacted = this.#compacted.get(topic);
    if (compacted === undefined) {
      compacted = this.#lookUpCompacted(topic);
      this.#compacted.set(topic, compacted);
    }
    return compacted;
  }

  async #run(lane: Lane): Promise<void> {
    lane.busy = true;
    this.#busy++;
    while (lane.waiting.length > 0) {
      const calls = takeCalls(lane.waiting);
      try {
        const { topic, partition } = lane;
        const append = { topic, partition, batches: encodeTogether(calls.map(({ records }) => records)) };
        const { baseOffset } = await this.#writer.request<Appended>(
          { kind: 'append', append },
          bytesOf([append]),
        );
        let next = baseOffset;
        for (const call of calls) {
          const base = next;
          next += call.records.length;
          call.resolve({ topic, partition, baseOffset: base, nextOffset: next });
        }
      } catch (error) {
        for (const call of calls) call.reject(error);
      }
    }
    lane.busy = false;
    this.#busy--;
    if (this.#busy === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#busy > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    this.#onClose(this);
  }
}

function takeCalls(waiting: Call[]): Call[] {
  let records = 0;
  let count = 0;
  while (count < waiting.length && (count === 0 || records < MAX_RECORDS)) {
    records += (waiting[count] as Call).records.length;
    count++;
  }
  return waiting.splice(0, count);
}

export class EmbeddedTransactionalProducer implements TransactionalProducer {
  readonly #writer: WriterConnection;
  readonly #transactionalId: string;
  readonly #epoch: number;
  #appends = new Map<string, { topic: string; partition: number; records: RecordBuffer[] }>();
  #offsets = new Map<string, { group: GroupMetadata; offsets: Map<string, OffsetCommit> }>();
  #committing: Promise<unknown> | undefined;
  #closed = false;

  constructor(writer: WriterConnection, transactionalId: string, epoch: number) {
    this.#writer = writer;
    this.#transactionalId = transactionalId;
    this.#epoch = epoch;
  }

  append(topic: string, partition: number, records: Records): void {
    this.#assertIdle();
    const buffer = bufferOf(records);
    const name = `${topic}/${partition}`;
    const gathered = this.#appends.get(name);
    if (gathered === undefined) this.#appends.set(name, { topic, partition, records: [buffer] });
    else gathered.records.push(buffer);
  }

  sendOffsets(group: GroupMetadata, offsets: readonly OffsetCommit[]): void {
    this.#assertIdle();
    const name = `${group.group}\n${group.memberId}\n${group.generation}`;
    let gathered = this.#offsets.get(name);
    if (gathered === undefined) {
      const { group: groupName, memberId, generation } = group;
      gathered = { group: { group: groupName, memberId, generation }, offsets: new Map() };
      this.#offsets.set(name, gathered);
    }
    for (const commit of offsets) gathered.offsets.set(`${commit.topic}/${commit.partition}`, commit);
  }

  async commit(): Promise<readonly Appended[]> {
    this.#assertIdle();
    const appends: Append[] = [];
    for (const { topic, partition, records } of this.#appends.values()) {
      appends.push({ topic, partition, batches: encodeTogether(records) });
    }
    const offsets: Offsets[] = [];
    for (const { group, offsets: byPartition } of this.#offsets.values()) {
      offsets.push({ group, offsets: [...byPartition.values()] });
    }
    this.#drop();
    const request = {
      kind: 'transaction',
      transactionalId: this.#transactionalId,
      epoch: this.#epoch,
      appends,
      offsets,
    } as const;
    const commit = this.#writer.request<readonly Appended[]>(request, bytesOf(appends));
    this.#committing = commit;
    try {
      return await commit;
    } finally {
      this.#committing = undefined;
    }
  }

  #drop(): void {
    this.#appends = new Map();
    this.#offsets = new Map();
  }

  async abort(): Promise<void> {
    this.#assertIdle();
    this.#drop();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#drop();
    await this.#committing?.catch(() => {});
  }

  #assertIdle(): void {
    if (this.#closed || this.#writer.closed) throw logClosed();
    if (this.#committing !== undefined) throw commitInProgress(this.#transactionalId);
  }
}

/** Errors: MR_LOG_INVALID_RECORD, MR_RECORD_TOO_LARGE, for what could not be encoded. */
function bufferOf(records: Records): RecordBuffer {
  return records instanceof RecordBuffer ? records : RecordBuffer.of(records);
}

/** The buffers of batches encoded for one request, to be reused for the next. */
const bytesOf = (appends: readonly Append[]) =>
  appends.flatMap(({ batches }) => batches.map(({ bytes }) => bytes.buffer));

/** Records that are worth a batch of their own: a reader's cost of a batch is small beside theirs. */
const OWN_BATCH_RECORDS = 256;

/** What `encodeTogether` puts together, in turn. */
const together = new RecordBuffer();

/** Small appends share a batch. The buffers stay as they are: they are their owners'. */
function encodeTogether(buffers: readonly RecordBuffer[]): EncodedBatch[] {
  if (buffers.length === 1 || buffers.every(({ length }) => length >= OWN_BATCH_RECORDS))
    return buffers.flatMap((buffer) => buffer.encode());
  try {
    for (const buffer of buffers) together.addAll(buffer);
    return together.encode();
  } finally {
    together.clear();
  }
}
