import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import { createProgress, progressStyle } from './progress.ts';
import { ManualClock } from './testing/manual-clock.ts';

function terminal(isTTY: boolean): { stream: NodeJS.WriteStream; written: () => string } {
  let text = '';
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      text += chunk;
      done();
    },
  });
  const written = () => {
    const since = text;
    text = '';
    return since;
  };
  return { stream: Object.assign(stream, { isTTY, columns: 200 }) as unknown as NodeJS.WriteStream, written };
}

describe('progress', () => {
  it('prints a line every tenth or every five seconds where there is no terminal', async () => {
    const { stream, written } = terminal(false);
    const clock = new ManualClock();
    const step = createProgress({ style: 'lines', stream, clock }).start('import', 1000);
    await clock.advance(1000);
    step.advance(50);
    assert.equal(written(), '');
    step.advance(150);
    assert.equal(written(), 'import: 20%  200/1,000  200/s  4 s left\n');
    await clock.advance(4999);
    step.advance(1);
    assert.equal(written(), '');
    await clock.advance(1);
    step.update(202, 'u.data');
    assert.equal(written(), 'import: 20%  202/1,000  33.7/s  24 s left  u.data\n');
    step.update(1000);
    step.done('all read');
    assert.match(written(), /^import: 100% {2}1,000\/1,000 {2}.*6\.0 s {2}all read\n$/);
  });

  it('draws a bar on a terminal and leaves its last line', () => {
    const { stream, written } = terminal(true);
    const step = createProgress({ style: 'bar', stream, clock: new ManualClock() }).start('train', 20);
    step.update(20);
    step.done('loss 0.12');
    const text = written();
    assert.match(text, /train .*100%.*20\/20.*loss 0\.12/);
    assert.ok(text.endsWith('\n'));
  });

  it('prints nothing with --json', () => {
    const { stream, written } = terminal(false);
    const step = createProgress({ style: 'silent', stream }).start('import', 10);
    step.advance(10);
    step.done();
    assert.equal(written(), '');
  });

  it('chooses a style', () => {
    assert.equal(progressStyle(true, terminal(true).stream), 'silent');
    assert.equal(progressStyle(false, terminal(true).stream), 'bar');
    assert.equal(progressStyle(false, terminal(false).stream), 'lines');
  });
});
