import assert from 'node:assert/strict';
import { cpSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { commandLine } from '../testing/command-line.ts';

it('a start on a directory that has lost files says which, and what to do', {
  timeout: 600_000,
}, async (t) => {
  const { begin, run, directory } = commandLine(t);
  const first = begin(['start']);
  await first.until(/^Serving +http:/m);
  assert.equal((await first.signal('SIGTERM')).code, 0);
  const data = join(directory, '.millrace');
  const sound = join(directory, 'sound');
  cpSync(data, sound, { recursive: true });
  const putBack = () => {
    rmSync(data, { recursive: true });
    cpSync(sound, data, { recursive: true });
  };

  await t.test('no log is begun anew beside what was derived from the one that is lost', async () => {
    const log = join(data, 'log.sqlite');
    for (const lose of [() => truncateSync(log), () => rmSync(log)]) {
      lose();
      for (const command of ['start', 'topics', 'verify']) {
        const { code, out, err } = await run([command]);
        assert.deepEqual([code, out], [1, ''], command);
        assert.match(err, /^error MR_LOG_LOST: log\.sqlite in \S+ is (empty|missing), .*\nhint: .*\n$/);
      }
    }
    putBack();
  });

  await t.test('a version whose models are empty is named, and answers are degraded', async () => {
    for (const file of readdirSync(join(data, 'versions'), { recursive: true, encoding: 'utf8' })) {
      if (file.endsWith('.onnx')) truncateSync(join(data, 'versions', file));
    }
    const start = begin(['start']);
    const [, url = ''] = await start.until(/^Serving +(http:\S+\d)/m);
    const [, version] = await start.until(
      /^Version (\w+) was promoted and cannot be loaded \(MR_VERSION_CORRUPT\): "millrace repair \1 /m,
    );
    const ask = async (path: string) => (await fetch(url + path)).json();
    const { roles } = (await ask('/health/ready')) as { roles: { responder: string } };
    assert.equal(
      roles.responder,
      `answers with popular items; version ${version} cannot be loaded (MR_VERSION_CORRUPT)`,
    );
    const answer = (await ask('/recommend/u1')) as { version: null; degraded: string };
    assert.deepEqual([answer.version, answer.degraded], [null, 'MR_RECOMMEND_NO_VERSION']);
    assert.equal((await start.signal('SIGTERM')).code, 0);
  });
});
