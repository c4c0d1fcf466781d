/** The commands of a page of docs/runbooks, to be run as they stand there. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const PAGES = join(import.meta.dirname, '../../../docs/runbooks');

/** `words`: what the page leaves to its reader, such as `ID`, with what the test has in its place. */
export function runbook(page: string, words: Readonly<Record<string, string>> = {}) {
  const text = readFileSync(join(PAGES, `${page}.md`), 'utf8');
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block as string);
  const lines = blocks.flatMap((block) =>
    block.split('\n').map((line) => line.replace(/ +# .*$/, '').trim()),
  );
  const inline = [...text.matchAll(/`(millrace [^`]+)`/g)].map(([, command]) => command as string);
  const left = new Set(lines.filter((line) => line.startsWith('millrace ')));
  return {
    /** The arguments of a command, which is named as the page has it, without `millrace`. */
    args: (command: string): readonly string[] => {
      const line = `millrace ${command}`;
      assert.ok(lines.includes(line) || inline.includes(line), `${page} does not have: ${line}`);
      left.delete(line);
      return command.split(' ').map((word) => words[word] ?? word);
    },
    /** Whether all commands of the page's blocks were run. */
    assertAllRun: () => assert.deepEqual([...left], [], `commands of ${page} that no test has run`),
  };
}
