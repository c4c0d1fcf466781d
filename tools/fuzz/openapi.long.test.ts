import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { it } from 'node:test';

const program = process.env.SCHEMATHESIS;

it("schemathesis finds nothing by the server's own OpenAPI document", {
  timeout: 600_000,
  skip: program === undefined && 'no SCHEMATHESIS: tools/fuzz/requirements.txt brings it',
}, () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(import.meta.dirname, 'main.ts'), '--openapi', String(program), '--seconds', '45'],
    { encoding: 'utf8' },
  );
  assert.equal(status, 0, `${stdout}\n${stderr}`);
});
