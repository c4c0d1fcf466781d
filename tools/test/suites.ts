/**
 * Which test files a run takes. Tests of whole processes start `millrace` itself, or build and install the package: each
 * takes seconds, and they take more than the thousands of others together.
 */
import { globSync } from 'node:fs';

const EVERYTHING = [
  '{src,schemas,features,processors,topologies,models}/**/*.test.ts',
  '{tools,bench,examples}/**/*.test.ts',
];

const WHOLE_PROCESSES = [
  'src/cli/**/*.test.ts',
  'src/{gateway,log,trainer,service}/{interoperability,crash}.test.ts',
  'topologies/loop-kill.test.ts',
  'tools/{cluster,contributing,deployment,launcher,mutate,observability,package,readme,servers}/*.test.ts',
  '{bench,examples}/**/*.test.ts',
];

export const SUITES = ['parts', 'processes', 'all'] as const;
export type Suite = (typeof SUITES)[number];

/** The test files of a suite below a directory, by name. */
export function testFiles(suite: Suite, directory: string): readonly string[] {
  const found = (patterns: readonly string[]) =>
    new Set(patterns.flatMap((each) => globSync(each, { cwd: directory })));
  const processes = found(WHOLE_PROCESSES);
  return [...found(EVERYTHING)]
    .filter((file) => suite === 'all' || processes.has(file) === (suite === 'processes'))
    .sort();
}
