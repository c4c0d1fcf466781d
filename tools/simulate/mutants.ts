/** A mistake to plant: in `file`, the one occurrence of `find` becomes `replace`. */
export type Mutant = {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
};

const task = (file: string) => `src/engine/task/${file}.ts`;

/** Mistakes of the kind that an engine like this is prone to; the simulation has to find each within a minute. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: 'the store is written before the log',
    file: task('commit'),
    find: `  const appended = await committer.write({ appends, offsets });
  step('commit.store.before');
  for (const task of tasks) {
    await task.commit(appended);
    for (const input of task.input.partitions) input.takenBytes = 0;
    step('commit.store.between');
  }`,
    replace: `  step('commit.store.before');
  for (const task of tasks) {
    await task.commit([]);
    for (const input of task.input.partitions) input.takenBytes = 0;
    step('commit.store.between');
  }
  await committer.write({ appends, offsets });`,
  },
  {
    name: 'outputs and offsets in two transactions',
    file: task('commit'),
    find: `      this.#producer.sendOffsets(this.#rebalance.membership, offsets);
      step('commit.log.before');
      const appended = await this.#producer.commit();`,
    replace: `      const appended = await this.#producer.commit();
      step('commit.log.before');
      this.#producer.sendOffsets(this.#rebalance.membership, offsets);
      await this.#producer.commit();`,
  },
  {
    name: 'input offset off by one',
    file: task('input'),
    find: 'this.position = batch.offset(index) + 1;',
    replace: 'this.position = batch.offset(index);',
  },
  {
    name: 'a fetched batch is skipped when a position moves',
    file: task('input'),
    find: 'else if (this.#batches.length === 0) this.position = batch.nextOffset;',
    replace: 'else this.position = batch.nextOffset;',
  },
  {
    name: 'the first changelog record of a commit is dropped',
    file: task('state'),
    find: 'if (definition.logged)\n          outbox.add(',
    replace: 'if (definition.logged && i > 0)\n          outbox.add(',
  },
  {
    name: 'tombstones are not logged',
    file: task('state'),
    find: 'if (definition.logged)\n          outbox.add(',
    replace: 'if (definition.logged && entry.value !== null)\n          outbox.add(',
  },
  {
    name: 'a restore ends one record early',
    file: task('state'),
    find: 'for (let i = 0; i < batch.count && batch.offset(i) < until; i++) {',
    replace: 'for (let i = 0; i < batch.count && batch.offset(i) + 1 < until - 1; i++) {',
  },
  {
    name: 'a restore stops at the stable offset',
    file: task('state'),
    find: 'return topic?.offsets[this.#options.partition]?.[end] ?? 0;',
    replace: "return topic?.offsets[this.#options.partition]?.[end === 'end' ? 'stable' : end] ?? 0;",
  },
  {
    name: 'a copy of a source is restored beyond what was read',
    file: task('state'),
    find: 'if (!definition.logged) return this.#inputOffsets.get(definition.changelog) ?? 0;',
    replace: '',
  },
  {
    name: 'a stale store is taken as it is',
    file: task('state'),
    find: '    open.offset = mark.offset;\n    open.position',
    replace: '    open.offset = until;\n    open.position',
  },
  {
    name: 'a store whose tombstones have expired is reused',
    file: task('state'),
    find: 'if (mark.offset < start || mark.offset > until || isAhead || isExpired) {',
    replace: 'if (mark.offset < start || mark.offset > until || isAhead) {',
  },
  {
    name: 'a store that is ahead of its changelog is taken',
    file: task('state'),
    find: 'if (mark.offset < start || mark.offset > until || isAhead || isExpired) {',
    replace: 'if (mark.offset < start || isExpired) {',
  },
  {
    name: 'the digest is not restored',
    file: task('state'),
    find: 'if (mark.fingerprint === store.fingerprint) store.digest.set(Digest.fromHex(mark.digest));',
    replace: 'if (mark.fingerprint === store.fingerprint) store.digest.clear();',
  },
  {
    name: 'a store that does not fit is not emptied',
    file: task('state'),
    find: 'for (const { store } of unusable) await store.clear();',
    replace: 'for (const { store } of unusable) store.digest.clear();',
  },
  {
    name: 'timers are lost on restore',
    file: 'src/engine/store/timer-queue.ts',
    find: 'for await (const [key, due] of this.store.entries()) this.#schedule(key, due);',
    replace: 'for await (const [key, due] of this.store.entries()) void [key, due];',
  },
  {
    name: 'a moved timer fires at its old time',
    file: 'src/engine/store/timer-queue.ts',
    find: 'if (this.#due.get(first.key) === first.dueMs) return first;',
    replace: 'if (this.#due.has(first.key)) return first;',
  },
  {
    name: 'watermarks are lost on restart',
    file: task('task'),
    find: 'if (mark.metadata !== undefined) input.watermark',
    replace: 'if (mark.metadata === undefined) input.watermark',
  },
  {
    name: 'the watermark of the fastest upstream task',
    file: 'src/engine/time/watermark.ts',
    find: '    this.#carried[writer] = Math.max(this.#carried[writer] ?? NO_WATERMARK, ms);\n    this.#announced = Math.min(...this.#carried);',
    replace:
      '    this.#carried[writer] = Math.max(this.#carried[writer] ?? NO_WATERMARK, ms);\n    this.#announced = Math.max(...this.#carried);',
  },
  {
    name: 'a heartbeat announces too high a watermark',
    file: task('heartbeats'),
    find: 'writers: target.writers, ms: watermark });',
    replace: 'writers: target.writers, ms: watermark + 50 });',
  },
  {
    name: 'late is judged by the watermark after the record',
    file: task('input'),
    find: 'records.push({ source, batch, index, sequence: records.length, watermark: before });',
    replace: 'records.push({ source, batch, index, sequence: records.length, watermark: this.watermark });',
  },
  {
    name: 'at-watermark releases too early',
    file: task('input'),
    find: "return this.#watermarkOf('on-arrival') > timestamp;",
    replace: "return this.#watermarkOf('on-arrival') > timestamp - 40;",
  },
  {
    name: 'an input that has more to fetch is not waited for',
    file: task('input'),
    find: 'if (!input.fetchedAll) return undefined;',
    replace: 'continue;',
  },
  {
    name: 'a join sees the future of its batch',
    file: 'src/engine/operators/record.ts',
    find: 'head.sequence >= next.sequence',
    replace: 'true',
  },
  {
    name: 'timers fire behind the whole batch',
    file: 'src/engine/operators/processor.ts',
    find: 'if (this.#isDueBefore(record.sequence, step)) await this.#fireBefore(record.sequence, step);',
    replace: '',
  },
  {
    name: 'what a failed record had written stays',
    file: 'src/engine/operators/processor.ts',
    find: '      step.reject(cause, this.#node.name, error);\n      return undefined;',
    replace:
      '      step.reject(cause, this.#node.name, error);\n      this.#context.apply();\n      return undefined;',
  },
  {
    name: 'repartition by the old key',
    file: 'src/engine/operators/sink.ts',
    find: 'partitionFor(key, topic.partitions)',
    replace: 'partitionFor(Buffer.from(String(record.key)), topic.partitions)',
  },
  {
    name: 'a dead letter is written twice',
    file: task('dead-letters'),
    find: 'this.#outbox.add(this.#topic.name, 0, { key: Buffer.from(letter.topic), value, timestamp });',
    replace:
      'for (const _ of [1, 2]) this.#outbox.add(this.#topic.name, 0, { key: Buffer.from(letter.topic), value, timestamp });',
  },
  {
    name: 'evicted entries take their changes along',
    file: 'src/engine/store/cached-store.ts',
    find: 'if (entry.stored !== undefined) this.digest.subtract(entry.stored);',
    replace: '',
  },
  {
    name: 'offsets of an expelled member are accepted',
    file: 'src/engine/log/group-coordination.ts',
    find: 'return find(state, memberId)?.generation === generation;',
    replace: 'return true;',
  },
  {
    name: 'a fenced producer goes on',
    file: 'src/engine/log/simulated/broker.ts',
    find: 'if (state === undefined || state.epoch !== epoch) throw fenced(transactionalId);',
    replace: 'if (state === undefined) throw fenced(transactionalId);',
  },
  {
    name: 'work goes on behind a failed commit',
    file: task('runtime'),
    find: `    await this.#tasks.close(this.#tasks.held);
    this.#require(this.#fetching).assign([]);`,
    replace: '',
  },
];
