import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import type { TestEvent } from 'node:test/reporters';
import quiet from './quiet.ts';

async function reported(...events: readonly object[]): Promise<string> {
  async function* all() {
    for (const event of events) yield event as TestEvent;
  }
  let text = '';
  for await (const part of quiet(all())) text += part;
  return text;
}

const file = (name: string) => join(process.cwd(), name);
const skipped = (name: string, of: string) => ({
  type: 'test:pass',
  data: { name, skip: 'needs a server', file: file(of) },
});
const passed = { type: 'test:pass', data: { name: 'holds', file: file('a.test.ts') } };
const summary = { type: 'test:diagnostic', data: { nesting: 0, message: 'tests 9' } };

it('prints nothing of what passes, and the summary', async () => {
  assert.equal(await reported(passed, passed, summary), 'ℹ tests 9\n');
});

it('names what is skipped, with the reason, and of more than five the files', async () => {
  const five = Array.from({ length: 5 }, (_, i) => skipped(`test ${i}`, 'a.test.ts'));
  const lines = five.map(({ data: { name } }) => `skipped: ${name}: needs a server\n`);
  assert.equal(await reported(...five, passed, summary, summary), `${lines.join('')}ℹ tests 9\nℹ tests 9\n`);
  assert.equal(
    await reported(skipped('other', 'b.test.ts'), ...five, summary),
    'skipped: 6 tests: needs a server: a.test.ts (5), b.test.ts (1)\nℹ tests 9\n',
  );
});

it('names what failed with its cause, and not the suite that it failed with', async () => {
  const failed = (error: Error) => ({
    type: 'test:fail',
    data: { name: 'adds', file: file('a.test.ts'), line: 7, details: { error } },
  });
  const suite = Object.assign(new Error('1 subtest failed'), { failureType: 'subtestsFailed' });
  const text = await reported(failed(new Error('failed', { cause: new Error('is 3') })), failed(suite));
  assert.match(text, /^\n✖ adds \(a\.test\.ts:7\)\nError: is 3\n/);
  assert.equal(text.split('✖').length, 2);
});
