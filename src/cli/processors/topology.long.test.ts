import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { commandLine, jsonLines } from '../testing/command-line.ts';

describe('millrace topology', { concurrency: 2 }, () => {
  it('shows the processors as text, as a flowchart and as JSON, without any data', async (t) => {
    const { print } = commandLine(t);
    const [text, mermaid, json] = await Promise.all([
      print(['topology']),
      print(['topology', '--format', 'mermaid']),
      print(['topology', '--json']),
    ]);
    assert.match(text.out, /^Topology loop, generation 4\n/);
    assert.match(text.out, /\n {2}processor admission.*\[state depends on arrival\]\n/);
    assert.match(mermaid.out, /^flowchart TD\n/);
    const [description] = jsonLines<{ subTopologies: { name: string }[] }>(json.out);
    assert.equal(description?.subTopologies[0]?.name, 'interactions');
  });

  it('refuses a format that there is not', async (t) => {
    const { print } = commandLine(t);
    const refused = await print(['topology', '--format', 'png']);
    assert.equal(refused.code, 2);
    assert.match(refused.err, /^error MR_USAGE: /);
  });
});
