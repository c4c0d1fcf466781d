/** The tool on a small repository of its own, with real runs of its tests. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Campaign, runCampaign } from './campaign.ts';
import { render, toJson } from './report.ts';

function repository(t: TestContext, files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'millrace-mutate-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const [path, text] of Object.entries({ 'package.json': '{"type":"module"}', ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

function campaign(t: TestContext, root: string, options: Partial<Campaign> = {}): Campaign {
  return { root, rooms: ['room'], seed: 1, limitMs: 60_000, jobs: 2, signal: t.signal, ...options };
}

const TEST = `import assert from 'node:assert/strict';
import { it } from 'node:test';
`;

it('kills, survivors, lines that no test reaches, and equivalents', async (t) => {
  const root = repository(t, {
    'src/room/late.ts': `export function isLate(atMs: number, closesMs: number): boolean {
  return atMs >= closesMs;
}
export function unused(a: boolean, b: boolean): boolean {
  return a && b;
}
export function ends(atMs: number, closesMs: number): number {
  // equivalent mutant: equal ones are either
  return atMs < closesMs ? atMs : closesMs;
}
`,
    'src/room/wide.ts': 'export const isWide = (width: number): boolean => width > 2.5;\n',
    'src/room/late.test.ts': `${TEST}import { ends, isLate } from './late.ts';
it('the limit is late', () => {
  assert.equal(isLate(10, 10), true);
  assert.equal(ends(1, 2), 1);
});
`,
    'src/room/wide.test.ts': `${TEST}import { isWide } from './wide.ts';
it('far from the limit', () => assert.equal(isWide(9), true));
`,
  });
  const report = await runCampaign(campaign(t, root));
  assert.deepEqual(
    report.rooms[0]?.verdicts.map(({ mutant: { path, line, kind }, outcome, by }) =>
      [path, line, kind, outcome, by].join(' '),
    ),
    [
      'src/room/late.ts 2 boundary killed src/room/late.test.ts',
      'src/room/late.ts 5 logical not reached ',
      'src/room/wide.ts 1 boundary survived ',
    ],
  );
  assert.equal(
    render(report),
    `src/room/late.ts:5 logical: no test reaches it
  - return a && b;
  + return a || b;

src/room/wide.ts:1 boundary: survived 1 test files
  - export const isWide = (width: number): boolean => width > 2.5;
  + export const isWide = (width: number): boolean => width >= 2.5;

room: 1 of 3 killed (33%), of 3 mutants, 2 marked as equivalent
seed 1
`,
  );
  const { rooms } = JSON.parse(toJson(report)) as {
    rooms: { killed: number; equivalents: { reason: string }[] }[];
  };
  assert.equal(rooms[0]?.killed, 1);
  assert.equal(rooms[0]?.equivalents[0]?.reason, 'equal ones are either');
  assert.match(readFileSync(join(root, 'src/room/late.ts'), 'utf8'), />= closesMs/);
});

it('a mutant is there in threads and child processes as well', async (t) => {
  const root = repository(t, {
    'src/room/sum.ts': 'export const sum = (a: number, b: number): number => a + b;\n',
    'src/room/thread.ts': `import { parentPort } from 'node:worker_threads';
import { sum } from './sum.ts';
parentPort?.postMessage(sum(2, 3));
`,
    'src/room/child.ts': `import { sum } from './sum.ts';
process.exitCode = sum(0, 0.5) === 0.5 ? 0 : 1;
`,
    'src/room/thread.test.ts': `${TEST}import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
it('in a thread', async () => {
  const [sum] = await once(new Worker(new URL('./thread.ts', import.meta.url), { execArgv: [] }), 'message');
  assert.equal(sum, 5);
});
`,
  });
  const { rooms } = await runCampaign(campaign(t, root, { rooms: ['room/sum.ts'] }));
  assert.deepEqual(
    rooms[0]?.verdicts.map(({ outcome, by }) => [outcome, by]),
    [['killed', 'src/room/thread.test.ts']],
  );
  writeFileSync(
    join(root, 'src/room/thread.test.ts'),
    `${TEST}import { execFileSync } from 'node:child_process';
it('in a process', () => {
  execFileSync(process.execPath, [new URL('./child.ts', import.meta.url).pathname], { stdio: 'ignore' });
});
`,
  );
  const again = await runCampaign(campaign(t, root, { rooms: ['room/sum.ts'] }));
  assert.deepEqual(
    again.rooms[0]?.verdicts.map(({ outcome }) => outcome),
    ['killed'],
  );
});

it('a test that fails without a mutant proves nothing', async (t) => {
  const root = repository(t, {
    'src/room/sum.ts': 'export const sum = (a: number, b: number): number => a + b;\n',
    'src/room/sum.test.ts': `${TEST}import { sum } from './sum.ts';
it('fails anyhow', () => assert.equal(sum(1, 1), 3));
`,
  });
  const { rooms } = await runCampaign(campaign(t, root));
  assert.deepEqual(
    rooms[0]?.verdicts.map(({ outcome }) => outcome),
    ['not reached'],
  );
});

it('an interrupted campaign ends with what it has, and its processes with it', async (t) => {
  const interrupted = new AbortController();
  const root = repository(t, {
    'src/room/wait.ts': 'export const isOver = (at: number): boolean => at > 5.5;\n',
    'src/room/wait.test.ts': `${TEST}import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { isOver } from './wait.ts';
it('hangs at its limit', async () => {
  if (!isOver(5.5)) return;
  const { pid } = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
  writeFileSync('pid', String(pid));
  await new Promise((resolve) => setTimeout(resolve, 600_000));
});
`,
  });
  const running = runCampaign(campaign(t, root, { signal: interrupted.signal }));
  const file = join(root, 'pid');
  while (!existsSync(file) || readFileSync(file, 'utf8') === '') await sleep(20);
  interrupted.abort();
  const { rooms } = await running;
  assert.deepEqual(rooms[0]?.verdicts, []);
  if (process.platform !== 'linux') return;
  const isThere = () => existsSync(`/proc/${readFileSync(file, 'utf8')}/cwd`);
  while (
    isThere() &&
    !/^State:\s+Z/m.test(readFileSync(`/proc/${readFileSync(file, 'utf8')}/status`, 'utf8'))
  ) {
    await sleep(20);
  }
});

it('a room that is not there is named', async (t) => {
  const root = repository(t, { 'src/room/a.ts': '' });
  await assert.rejects(runCampaign(campaign(t, root, { rooms: ['rum'] })), /src\/ has no room rum/);
});
