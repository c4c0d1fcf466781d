/**
 * Which test files a run takes. A file's name says its suite: `x.test.ts` is of the quick one, `x.long.test.ts` of the long
 * one, whose groups follow from the file's folder.
 */
import { globSync, readFileSync } from 'node:fs';
import { join, matchesGlob } from 'node:path';

export type Suite = 'quick' | 'long';

/** What is run together. */
export type Group = {
  readonly name: string;
  readonly about: string;
  readonly files: readonly string[];
  /** Kafka, a registry and Redis are started. */
  readonly servers: boolean;
  /** Python's frameworks and servers are provided. */
  readonly python: boolean;
  /** How many runs there are, each with a seed of its own. */
  readonly seeds: number;
};

type Declaration = Pick<Group, 'name' | 'about'> & { readonly patterns: readonly string[] };

const ALONE = { servers: false, python: false, seeds: 1 };
const FOLDERS = '{src,schemas,features,processors,topologies,models,tools,bench,examples}';
const SEEDS = 20;

/** The first that fits a long file has it. */
const GROUPS_OF_LONG_FILES: readonly Declaration[] = [
  {
    name: 'promises',
    about: 'what Millrace promises, on real servers; CI runs it',
    patterns: [
      'src/engine/testing/kafka-faults/kills.long.test.ts',
      'src/log/kafka/interop/*',
      'src/responders/swap.long.test.ts',
      'src/service/interoperability.long.test.ts',
    ],
  },
  {
    name: 'kafka',
    about: 'Kafka and the registry: faults, kills, broken networks, other clients',
    patterns: ['src/log/**', 'src/engine/testing/kafka-*/**', 'src/processing/**', 'src/log-copy/**'],
  },
  {
    name: 'engine',
    about: 'simulation, chains of operators, threads killed, NEXMark',
    patterns: ['src/{engine,avro}/**', 'topologies/**', 'processors/**', 'examples/**'],
  },
  {
    name: 'learning',
    about: 'training, indexes of vectors, other frameworks, evaluation',
    patterns: ['models/**', 'bench/**', 'src/{trainer,offline,view-builds,imports}/**', 'features/**'],
  },
  {
    name: 'services',
    about: 'responders, roles, backup, access, storage',
    patterns: [
      'src/{access,audit,backup,client,dead-letters,erasure,gateway,jobs,notifications,platform,privacy,replays,responders,service,simulator,storage,versions}/**',
    ],
  },
  {
    name: 'start',
    about: '`millrace start`: kills, damaged files, disks that fill, upgrades',
    patterns: ['src/cli/{start,backup,runbooks}/**'],
  },
  { name: 'command-line', about: 'the other commands of `millrace`', patterns: ['src/cli/**'] },
  {
    name: 'tools',
    about: 'packaging, documents, the walks of CONTRIBUTING, mutants, deployment',
    patterns: ['tools/**'],
  },
];

/** Quick files with tests that the quick suite skips. */
const COUNTERPARTS = {
  name: 'counterparts',
  about: 'what quick files have for a real Kafka, registry, Redis, S3, PyTorch or FAISS',
};
/** Quick files that draw what they try. */
const RANDOM = { name: 'seeds', about: `quick tests of random input, with ${SEEDS} other seeds` };

const WANTS_COUNTERPART =
  /from '#servers'|EXPORTED_MODELS|onnx-checker|faiss-reference|\bserversSkip\b|\bs3Skip\b/;
const DRAWS = /from 'fast-check'|\btestSeed\b/;

/** Groups of the long suite, in the order in which they run. */
export const GROUPS: readonly Pick<Group, 'name' | 'about'>[] = [
  ...GROUPS_OF_LONG_FILES,
  COUNTERPARTS,
  RANDOM,
];

/**
 * What is to run: by paths, or by names of groups in the long suite; everything without any. `unknown`: those of `wanted` that
 * fit nothing.
 */
export function choose(
  suite: Suite,
  wanted: readonly string[],
  root: string,
): { readonly groups: readonly Group[]; readonly unknown: readonly string[] } {
  const all = suite === 'quick' ? [quick(root)] : longGroups(root);
  const names = new Set(all.map(({ name }) => name));
  const takes = (group: Group, file: string) =>
    wanted.length === 0 ||
    wanted.some((each) => (names.has(each) ? each === group.name : file.includes(each)));
  const groups = all.map((group) => ({ ...group, files: group.files.filter((file) => takes(group, file)) }));
  const unknown = wanted.filter(
    (each) => !all.some(({ name, files }) => name === each || files.some((file) => file.includes(each))),
  );
  return { groups: groups.filter(({ files }) => files.length > 0), unknown };
}

function quick(root: string): Group {
  return { name: 'quick', about: '', files: filesOf(root).quick, ...ALONE };
}

function longGroups(root: string): readonly Group[] {
  const { quick: short, long } = filesOf(root);
  const groupOf = (file: string) =>
    GROUPS_OF_LONG_FILES.find(({ patterns }) => patterns.some((each) => matchesGlob(file, each)));
  const has = (pattern: RegExp) => (file: string) => pattern.test(readFileSync(join(root, file), 'utf8'));
  return [
    ...GROUPS_OF_LONG_FILES.map((group) => ({
      ...group,
      files: long.filter((file) => groupOf(file) === group),
      ...ALONE,
      servers: true,
      python: group.name !== 'promises',
    })),
    { ...COUNTERPARTS, files: short.filter(has(WANTS_COUNTERPART)), ...ALONE, servers: true, python: true },
    { ...RANDOM, files: short.filter(has(DRAWS)), ...ALONE, seeds: SEEDS },
  ];
}

export function filesOf(root: string): {
  readonly quick: readonly string[];
  readonly long: readonly string[];
} {
  const all = globSync(`${FOLDERS}/**/*.test.ts`, { cwd: root }).sort();
  const isLong = (file: string) => file.endsWith('.long.test.ts');
  return { quick: all.filter((file) => !isLong(file)), long: all.filter(isLong) };
}
