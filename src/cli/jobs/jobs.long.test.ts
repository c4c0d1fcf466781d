import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import type { ListedJob } from '#jobs';
import { temporaryDirectory } from '#platform/testing';
import type { AuditEvent, JobRun } from '#schemas';
import { commandLine, jsonLines, smallWorld } from '../testing/command-line.ts';

type Shown = ListedJob & { readonly runs: readonly JobRun[] };

it('jobs are listed, run, paused and resumed beside a start, from the command line and over HTTP', async (t) => {
  const backupPlace = join(temporaryDirectory(t), 'backup');
  const jobs = { backupPlace, retention: 'off', compaction: 'off', verification: '0 2 * * *' };
  const admin = { token: 'a token of enough length' };
  const { begin, print } = commandLine(t, { ...smallWorld, jobs, admin });
  const start = begin(['start', '--json']);
  const [, url = ''] = await start.until(/^\{"url":"([^"]+)".*\}$/m);
  const list = async () => jsonLines<ListedJob>((await print(['jobs', '--json'])).out);
  const show = async (job: string) =>
    jsonLines<Shown>((await print(['jobs', 'show', job, '--json'])).out)[0] ?? assert.fail();

  const listed = await list();
  assert.deepEqual(
    listed.map(({ job, when }) => `${job}: ${when.join('; ')}`),
    [
      'training: 0 3 * * *',
      'refresh: */15 * * * *',
      'reindex: 0 4 * * *',
      'snapshot: ',
      'verification: 0 2 * * *',
      'retention: ',
      'backup: ',
      'compaction: ',
    ],
  );
  assert.equal(new Date(listed[4]?.next ?? 0).getUTCHours(), 2);
  for (const job of ['backup', 'compaction', 'retention', 'verification', 'snapshot']) {
    const { code, out } = await print(['jobs', 'run', job, '--reason', 'a test', '--json']);
    const [run] = jsonLines<JobRun>(out);
    assert.deepEqual([code, run?.status, run?.error], [0, 'succeeded', null], `${job}: ${out}`);
  }
  assert.match((await print(['backups', backupPlace])).out, /1/);
  assert.match((await show('snapshot')).runs[0]?.outcome ?? '', /^snapshot /);
  const unknown = await print(['jobs', 'run', 'nothing']);
  assert.deepEqual([unknown.code, /MR_JOB_UNKNOWN/.test(unknown.err)], [2, true]);

  const ask = async (path: string, token: string | undefined, body?: object) => {
    const response = await fetch(`${url}${path}`, {
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
      headers: {
        ...(body && { 'content-type': 'application/json' }),
        ...(token && { authorization: `Bearer ${token}` }),
      },
    });
    // biome-ignore lint/suspicious/noExplicitAny: what came over the wire
    return { status: response.status, body: (await response.json()) as any };
  };
  const paused = await ask('/admin/jobs/refresh/pause', admin.token, { reason: 'a test' });
  assert.equal(paused.status, 202);
  while ((await list()).find(({ job }) => job === 'refresh')?.paused !== true);
  const { status, body } = await ask('/jobs/refresh', admin.token);
  assert.deepEqual([status, body.job.paused, body.job.next, body.runs], [200, true, null, []]);
  assert.equal((await ask('/admin/jobs/nothing/run', admin.token, {})).status, 404);
  assert.equal((await ask('/admin/jobs/refresh/explode', admin.token, {})).status, 400);
  assert.equal((await print(['jobs', 'resume', 'refresh'])).code, 0);
  assert.equal((await start.signal('SIGINT')).code, 0);

  const away = await print(['jobs', 'run', 'compaction']);
  assert.match(away.out, /the next "millrace start" begins it/);
  const acts = jsonLines<{ readonly value: AuditEvent }>(
    (await print(['events', 'tail', 'audit', '--json'])).out,
  ).map(({ value }) => [value.act, value.subject, value.result]);
  assert.ok(
    acts.some((act) => act.join(' ') === 'jobs pause refresh done'),
    JSON.stringify(acts),
  );
  assert.ok(acts.some((act) => act.join(' ') === 'jobs run nothing failed'));
});
