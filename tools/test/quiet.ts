/** The test runner's reporter of `npm test`: what failed, what was skipped for which reason, and the runner's summary lines. */
import { relative } from 'node:path';
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

/** So many tests are named one by one; of more, the files. */
const NAMED = 5;

type Skipped = { readonly name: string; readonly file: string };

export default async function* quiet(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const skipped = new Map<string, Skipped[]>();
  for await (const event of events) {
    if (event.type === 'test:fail' && !isOnlyBecauseOfChildren(event.data.details.error)) {
      const { name, file = '', line = 0, details } = event.data;
      yield `\n✖ ${name} (${relative(process.cwd(), file)}:${line})\n${inspect(cause(details.error))}\n`;
    } else if (event.type === 'test:pass' && typeof event.data.skip === 'string') {
      const { name, skip, file = '' } = event.data;
      skipped.set(skip, [...(skipped.get(skip) ?? []), { name, file: relative(process.cwd(), file) }]);
    } else if (event.type === 'test:stderr') {
      yield event.data.message;
    } else if (
      event.type === 'test:diagnostic' &&
      event.data.nesting === 0 &&
      event.data.file === undefined
    ) {
      for (const [reason, tests] of skipped) yield describeSkipped(reason, tests);
      skipped.clear();
      yield `ℹ ${event.data.message}\n`;
    }
  }
}

function describeSkipped(reason: string, tests: readonly Skipped[]): string {
  if (tests.length <= NAMED) return tests.map(({ name }) => `skipped: ${name}: ${reason}\n`).join('');
  const byFile = Map.groupBy(tests, ({ file }) => file);
  const files = [...byFile].map(([file, of]) => `${file} (${of.length})`).sort();
  return `skipped: ${tests.length} tests: ${reason}: ${files.join(', ')}\n`;
}

/** A suite fails with the tests in it, which have been named already. */
function isOnlyBecauseOfChildren(error: Error): boolean {
  return 'failureType' in error && error.failureType === 'subtestsFailed';
}

function cause(error: Error): unknown {
  return error.cause instanceof Error ? error.cause : error;
}
