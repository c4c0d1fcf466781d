import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { afterEach, describe, it } from 'node:test';
import { ConfigurationError, FatalError } from './errors.ts';
import { armFailpoints, disarmFailpoints, failpoint, hitFailpoints, recordFailpoints } from './failpoints.ts';

describe('failpoints', () => {
  afterEach(disarmFailpoints);

  it('fails at the requested hit, once', () => {
    armFailpoints('a.step=fail@2, b.step=fail');
    failpoint('a.step');
    assert.throws(() => failpoint('a.step'), { code: 'MR_FAILPOINT', name: FatalError.name });
    failpoint('a.step');
    assert.throws(() => failpoint('b.step'), { code: 'MR_FAILPOINT' });
  });

  it('does nothing when nothing is armed', () => {
    failpoint('a.step');
    assert.deepEqual([...hitFailpoints()], []);
  });

  it('goes on after a stall', () => {
    armFailpoints('a.step=stall:1');
    failpoint('a.step');
    assert.deepEqual([...hitFailpoints()], ['a.step']);
  });

  it('records the steps that were hit', () => {
    recordFailpoints();
    failpoint('a.step');
    failpoint('b.step');
    failpoint('a.step');
    assert.deepEqual([...hitFailpoints()], ['a.step', 'b.step']);
  });

  it('refuses what it cannot read', () => {
    for (const spec of ['a.step', 'a.step=explode', 'a.step=stall', 'a.step=fail@0', 'a step=fail']) {
      assert.throws(() => armFailpoints(spec), { code: 'MR_CONFIG_INVALID', name: ConfigurationError.name });
    }
  });

  it('kills the process at the hit that the environment names', () => {
    const module = JSON.stringify(new URL('./failpoints.ts', import.meta.url).href);
    const script = `const { failpoint } = await import(${module});
      for (let i = 1; i <= 3; i++) { console.log(i); failpoint('a.step'); }`;
    const { signal, stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
      env: { ...process.env, MILLRACE_FAILPOINTS: 'a.step=kill@2' },
      encoding: 'utf8',
    });
    assert.deepEqual({ signal, stdout }, { signal: 'SIGKILL', stdout: '1\n2\n' });
  });
});
