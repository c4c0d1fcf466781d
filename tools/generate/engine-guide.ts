const placeholder = /<!-- example: ([\w-]+) -->\n(?:```ts\n[\s\S]*?```\n)?/g;
const example = /^( *)\/\/ example: ([\w-]+)\n([\s\S]*?)^ *\/\/ end$/gm;

/** The examples that tests hold, by name: what stands between `// example: name` and `// end`. */
export function examplesIn(tests: readonly string[]): ReadonlyMap<string, string> {
  const examples = new Map<string, string>();
  for (const test of tests) {
    for (const [, indent = '', name = '', code = ''] of test.matchAll(example)) {
      if (examples.has(name)) throw new Error(`two examples are called ${name}`);
      examples.set(name, code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''));
    }
  }
  return examples;
}

/** A document with each example as it stands in the tests, below `<!-- example: name -->`. */
export function withExamples(document: string, examples: ReadonlyMap<string, string>): string {
  return document.replaceAll(placeholder, (_, name: string) => {
    const code = examples.get(name);
    if (code === undefined) throw new Error(`there is no example ${name} in a test`);
    return `<!-- example: ${name} -->\n\`\`\`ts\n${code}\`\`\`\n`;
  });
}

/** Examples that a document does not show. */
export function unshown(document: string, examples: ReadonlyMap<string, string>): readonly string[] {
  const shown = new Set(Array.from(document.matchAll(placeholder), ([, name]) => name));
  return [...examples.keys()].filter((name) => !shown.has(name));
}
