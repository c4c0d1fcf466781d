const placeholder = /<!-- example: ([\w-]+) -->\n(?:```ts\n[\s\S]*?```\n)?/g;
const example = /^( *)\/\/ example: ([\w-]+)\n([\s\S]*?)^ *\/\/ end$/gm;

/**
 * The engine's guide with each example as it stands in the tests: between `// example: name` and `// end` there, below
 * `<!-- example: name -->` here.
 */
export function withExamples(guide: string, tests: string): string {
  const examples = new Map<string, string>();
  for (const [, indent = '', name = '', code = ''] of tests.matchAll(example)) {
    examples.set(name, code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''));
  }
  const unused = new Set(examples.keys());
  const filled = guide.replaceAll(placeholder, (_, name: string) => {
    const code = examples.get(name);
    if (code === undefined) throw new Error(`the guide asks for the example ${name}, which no test holds`);
    unused.delete(name);
    return `<!-- example: ${name} -->\n\`\`\`ts\n${code}\`\`\`\n`;
  });
  if (unused.size > 0) throw new Error(`examples that the guide does not show: ${[...unused].join(', ')}`);
  return filled;
}
