import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { at, keepForEver, pollRecords, readCount, readToEnd, values } from '../contract/opened.ts';
import { type EmbeddedLogOptions, openEmbeddedLog } from './embedded-log.ts';

async function openIn(t: TestContext, options: Partial<EmbeddedLogOptions> = {}) {
  const directory = temporaryDirectory(t);
  const log = await openEmbeddedLog({ directory, clock: systemClock, ...options });
  t.after(() => log.close());
  await log.createTopics([{ name: 'in', partitions: 2, cleanup: keepForEver }]);
  return { directory, log };
}

function start(t: TestContext, fixture: string, ...args: string[]): ChildProcess {
  const path = fileURLToPath(new URL(`./fixtures/${fixture}.ts`, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

const lines = (child: ChildProcess) => createInterface({ input: child.stdout as NodeJS.ReadableStream });

/** Numbers of each writer's records, in the order of the log. */
function byWriter(texts: readonly (string | null)[]): Map<string, number[]> {
  const numbers = new Map<string, number[]>();
  for (const text of texts) {
    const [writer = '', n] = (text ?? '').split(' ');
    const known = numbers.get(writer) ?? [];
    numbers.set(writer, known);
    known.push(Number(n));
  }
  return numbers;
}

test('processes and worker threads append at once: nothing lost, nothing twice, order kept', {
  timeout: 180_000,
}, async (t) => {
  const { directory, log } = await openIn(t);
  const children = ['a', 'b'].map((name) => start(t, 'appender', directory, name, '60', '1'));
  const acknowledged = new Map<string, number>();
  for (const child of children) {
    lines(child).on('line', (line) => {
      const [, writer = '', n] = line.split(' ');
      acknowledged.set(writer, Number(n));
    });
  }
  const exits = await Promise.all(children.map((child) => once(child, 'close')));
  assert.deepEqual(
    exits.map(([code]) => code),
    [0, 0],
  );
  const read = byWriter(values(await readToEnd(log, [at('in', 0)])));
  assert.deepEqual([...read.keys()].sort(), ['a.0', 'a.1', 'b.0', 'b.1']);
  for (const [writer, numbers] of read) {
    assert.deepEqual(
      numbers,
      Array.from({ length: (acknowledged.get(writer) ?? 0) + 1 }, (_, i) => i),
      writer,
    );
  }
});

test('kill -9 of a writing process: what it had acknowledged is there, transactions are whole', {
  timeout: 180_000,
}, async (t) => {
  const { directory, log } = await openIn(t);
  const acknowledged = new Map<string, number>();
  for (const [round, killAfter] of [5, 40, 90].entries()) {
    const child = start(t, 'appender', directory, `k${round}`, '100000', '1');
    let seen = 0;
    lines(child).on('line', (line) => {
      const [, writer = '', n] = line.split(' ');
      // A last line may be cut by the kill.
      if (n !== undefined && n !== '')
        acknowledged.set(writer, Math.max(acknowledged.get(writer) ?? 0, Number(n)));
      if (++seen === killAfter) child.kill('SIGKILL');
    });
    await once(child, 'close');
  }
  const read = byWriter(values(await readToEnd(log, [at('in', 0)])));
  assert.ok(acknowledged.size >= 3);
  for (const [writer, last] of acknowledged) {
    const numbers = read.get(writer) ?? [];
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => i),
      `${writer} without gaps`,
    );
    assert.ok(numbers.length > last, `${writer}: ${numbers.length} records, ${last + 1} acknowledged`);
  }
  // Each transaction ends with a record in partition 1 that repeats its last number.
  const marks = byWriter(values(await readToEnd(log, [at('in', 1)])));
  for (const [writer, numbers] of marks) {
    for (const n of numbers) assert.ok((read.get(writer) ?? []).includes(n), `${writer} ${n} is whole`);
  }
  const producer = await log.producer();
  await producer.append('in', 0, [{ key: null, value: Buffer.from('goes on 0'), timestamp: 1 }]);
});

test('a stopped lock holder is reported with its pid, delays, and loses nothing', {
  timeout: 180_000,
}, async (t) => {
  type Fields = { readonly code: string; readonly holder?: number; readonly waitedMs: number };
  const reports: Fields[] = [];
  let reported: () => void = () => {};
  const warn = (fields: object | string) => {
    reports.push(fields as Fields);
    reported();
  };
  const { directory, log } = await openIn(t, { logger: { warn } });
  const holder = start(t, 'lock-holder', directory);
  const exited = once(holder, 'exit');
  await once(lines(holder), 'line');
  holder.kill('SIGSTOP');
  const held = new Promise<void>((resolve) => {
    reported = resolve;
  });
  const producer = await log.producer();
  let done = false;
  const append = producer
    .append('in', 0, [{ key: null, value: Buffer.from('late'), timestamp: 1 }])
    .then(() => {
      done = true;
    });
  const closing = producer.close();
  await held;
  assert.equal(reports[0]?.code, 'MR_LOG_LOCK_HELD');
  assert.equal(reports[0]?.holder, holder.pid);
  assert.equal(done, false);
  assert.deepEqual(await readToEnd(log, [at('in')]), [], 'readers go on meanwhile');
  const obtained = new Promise<void>((resolve) => {
    reported = resolve;
  });
  holder.stdin?.end();
  holder.kill('SIGCONT');
  await Promise.all([append, closing, obtained]);
  assert.ok((reports[1]?.waitedMs ?? 0) >= (reports[0]?.waitedMs ?? 0), 'the whole wait');
  assert.deepEqual(values(await readToEnd(log, [at('in')])), ['late']);
  await exited;
});

test('a waiting reader gets what another process appends', { timeout: 180_000 }, async (t) => {
  const { directory, log } = await openIn(t);
  const consumer = await log.consumer();
  consumer.assign([{ ...at('in'), offset: 0 }]);
  const polling = pollRecords(consumer, 50_000);
  const child = start(t, 'appender', directory, 'p', '4', '0');
  const exited = once(child, 'exit');
  // One poll may bring one commit or several.
  const read = await polling;
  assert.ok(read.length > 0, 'the poll was woken, it did not run out of time');
  read.push(...(await readCount(consumer, 14 - read.length)));
  assert.deepEqual(
    values(read),
    Array.from({ length: 14 }, (_, n) => `p.0 ${n}`),
  );
  await exited;
});

test('a process that does not close the log ends all the same, and leaves what was acknowledged', {
  timeout: 180_000,
}, async (t) => {
  const { directory, log } = await openIn(t);
  const child = start(t, 'leaver', directory);
  const [code] = await once(child, 'close');
  assert.equal(code, 0);
  assert.deepEqual(values(await readToEnd(log, [at('in')])), ['left']);
});
