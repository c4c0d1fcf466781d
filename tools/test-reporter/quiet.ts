/** The test runner's reporter of `npm test`: what failed, what was skipped and why, and the runner's summary lines. */
import { relative } from 'node:path';
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

export default async function* quiet(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    if (event.type === 'test:fail' && !isOnlyBecauseOfChildren(event.data.details.error)) {
      const { name, file = '', line = 0, details } = event.data;
      yield `\n✖ ${name} (${relative(process.cwd(), file)}:${line})\n${inspect(cause(details.error))}\n`;
    } else if (event.type === 'test:pass' && typeof event.data.skip === 'string') {
      yield `skipped: ${event.data.name}: ${event.data.skip}\n`;
    } else if (event.type === 'test:stderr') {
      yield event.data.message;
    } else if (
      event.type === 'test:diagnostic' &&
      event.data.nesting === 0 &&
      event.data.file === undefined
    ) {
      yield `ℹ ${event.data.message}\n`;
    }
  }
}

/** A suite fails with the tests in it, which have been named already. */
function isOnlyBecauseOfChildren(error: Error): boolean {
  return 'failureType' in error && error.failureType === 'subtestsFailed';
}

function cause(error: Error): unknown {
  return error.cause instanceof Error ? error.cause : error;
}
