import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { hasRun, readCoverage } from './coverage.ts';

it('what one process or thread has run counts as run, inner ranges before those around them', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-coverage-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const report = (...ranges: readonly [number, number, number][]) => ({
    result: [
      { url: 'node:fs', functions: [] },
      {
        url: 'file:///root/src/x.ts',
        functions: ranges.map(([startOffset, endOffset, count]) => ({
          ranges: [{ startOffset, endOffset, count }],
        })),
      },
    ],
  });
  writeFileSync(join(folder, '1.json'), JSON.stringify(report([0, 100, 1], [10, 50, 0], [20, 30, 3])));
  writeFileSync(join(folder, '2.json'), JSON.stringify(report([0, 100, 1], [10, 90, 0], [40, 45, 1])));

  const coverage = readCoverage(folder, '/root');
  assert.deepEqual(coverage, { 'src/x.ts': [0, 10, 20, 30, 40, 45, 50, 100] });
  const ran = [0, 9, 10, 19, 20, 44, 45, 99, 100].filter((at) => hasRun(coverage, 'src/x.ts', at));
  assert.deepEqual(ran, [0, 9, 20, 44, 99]);
  assert.equal(hasRun(coverage, 'src/y.ts', 0), false);
});
