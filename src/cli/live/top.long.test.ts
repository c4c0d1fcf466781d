import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { it, type TestContext } from 'node:test';
import { commandLine, jsonLines } from '../testing/command-line.ts';
import { type Look, linesOf, metricsIn, type TopFrame, topOf } from './top-frame.ts';

const task = (name: string, lag: number, taken: number, watermark: number | null = 1_000) => ({
  name,
  state: 'running',
  inputs: [{ lag }, { lag: null }],
  watermark,
  operators: [{ in: taken }, { in: 99 }],
});

const metrics = (commits: number, cpu: number) => `# HELP x y
millrace_engine_commit_ms_sum ${commits * 20}
millrace_engine_commit_ms_count ${commits}
millrace_engine_commit_ms_bucket{le="1000"} ${commits - 1}
millrace_process_cpu_seconds_total ${cpu}
millrace_process_resident_memory_bytes 5e8
`;

function look(at: number, text: string, ...tasks: ReturnType<typeof task>[]): Look {
  const member = { memberId: 'm', isRebalancing: false, bufferedBytes: 2e6, commitMs: 7, tasks };
  return { at, members: [member], metrics: metricsIn(text) };
}

it('a frame has rates since the look before, and the tasks with the largest lag first', () => {
  const first = look(10_000, metrics(5, 1), task('a/0', 0, 10), task('b/0', 7, 20, null));
  const second = look(12_000, metrics(9, 2), task('a/0', 0, 30), task('b/0', 9, 20, null));
  const { cpu, commits, memoryBytes, tasks } = topOf(second, first);
  assert.deepEqual([cpu, memoryBytes], [0.5, 5e8]);
  assert.deepEqual(commits, { count: 4, meanMs: 20, lastMs: 7, slow: 0 });
  assert.deepEqual(
    tasks.map((each) => [each.task, each.lag, each.recordsPerSecond, each.behindMs]),
    [
      ['b/0', 9, 0, null],
      ['a/0', 0, 10, 11_000],
    ],
  );
  const alone = topOf(first, undefined);
  assert.deepEqual([alone.cpu, alone.commits.slow, alone.tasks[0]?.recordsPerSecond], [null, 1, null]);
});

it('as many tasks are shown as there are rows, and how many are not', () => {
  const tasks = Array.from({ length: 60 }, (_, i) => task(`sub-topology/${i}`, i, 0));
  const frame = topOf(look(10_000, metrics(1, 1), ...tasks), undefined);
  const lines = linesOf('http://x', frame, { rows: 24 });
  assert.equal(lines.length, 24);
  assert.equal(lines.at(-1), '... and 42 more');
  assert.ok(lines.every((line) => line.length <= 80));
  assert.equal(linesOf('http://x', frame, { rows: Number.POSITIVE_INFINITY }).length, 65);
});

/** A process that answers as Millrace does; with the token alone. */
async function served(t: TestContext, token: string): Promise<string> {
  const { members } = look(0, '', task('a/0', 3, 5));
  const server = createServer(({ url, headers }, response) => {
    if (headers.authorization !== `Bearer ${token}`) response.writeHead(401).end();
    else response.end(url === '/tasks' ? JSON.stringify({ members }) : metrics(5, 1));
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it('top prints frames where there is no terminal, and says what is wrong', {
  timeout: 600_000,
}, async (t) => {
  const { begin, run, print } = commandLine(t, {});
  const url = await served(t, 'letmein-letmein-letmein');
  const asking = ['top', '--url', url, '--token', 'letmein-letmein-letmein'];
  const once = await run([...asking, '--once', '--json']);
  assert.deepEqual(
    jsonLines<TopFrame>(once.out).map(({ tasks }) => tasks[0]?.lag),
    [3],
    once.err,
  );
  const running = begin([...asking, '--interval', '0.1']);
  await running.until(/rec\/s.*rec\/s/s);
  const { code, out } = await running.signal('SIGINT');
  assert.equal(code, 0);
  assert.ok(!out.includes('\x1b'));
  const [refused, away, none, often] = [
    await print(['top', '--url', url, '--once']),
    await print(['top', '--url', 'http://127.0.0.1:1', '--once']),
    await print(['top']),
    await print(['top', '--interval', '0']),
  ];
  assert.match(`${refused.code} ${refused.err}`, /^2 error MR_TOP_REFUSED: .*\/(tasks|metrics) answers 401/);
  assert.match(`${away.code} ${away.err}`, /^1 error MR_SERVER_UNREACHABLE/);
  assert.match(`${none.code} ${none.err}`, /^2 error MR_DATA_EMPTY/);
  assert.match(`${often.code} ${often.err}`, /^2 error MR_USAGE: .*0\.1 to 3600/);
});
