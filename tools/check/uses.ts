/** What the product exports, the product uses: a function that tests alone call is no part of it. */
import { posix } from 'node:path';
import { doorsOf, roomOf, targetOf } from './modules.ts';
import { type Finding, isForTests, lineAt, type Repository, type SourceFile } from './repository.ts';
import { withoutComments } from './source.ts';

const GRADIENT = 'an operator that others are made of; its gradient is tested by finite differences';
const INNER = 'a step of its file that a property is told of by itself';
const WIRE = 'Kafka’s bytes, held against those of its clients';
const FAILPOINTS = 'tests end a process at each; the type of their names is made of it';

/** Exports that only tests import, with the reason why each stays one. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'features/aggregations/counts.ts#count': INNER,
  'features/aggregations/decayed-sum.ts#blockWidth': INNER,
  'features/aggregations/top-k.ts#TopCounts': INNER,
  'models/optimise/clipping.ts#globalNorm': INNER,
  'src/log/embedded/file-system.ts#networkFileSystem': INNER,
  'src/log-copy/moved-log.ts#findMoved': INNER,
  'src/offline/snapshot/negatives.ts#draws': INNER,
  'src/trainer/retrieval/title-vectors.ts#keepTitleVectors': INNER,
  'src/trainer/retrieval/title-vectors.ts#keptTitleVectors': INNER,
  'src/versions/collect.ts#givenUp': INNER,
  'models/graph/arithmetic.ts#sigmoid': GRADIENT,
  'models/graph/layout.ts#split': GRADIENT,
  'models/graph/losses.ts#softmaxCrossEntropy': GRADIENT,
  'models/graph/normalisation.ts#mean': GRADIENT,
  'models/graph/reduction.ts#expandTo': GRADIENT,
  'src/log/kafka/producing/produce-request.ts#createRequest': WIRE,
  'src/log/kafka/producing/produce-request.ts#parseResponse': WIRE,
  'src/log/kafka/producing/transaction-protocol.ts#parseEndTxn': WIRE,
  'src/log/kafka/wire/first-contact.ts#checkVersions': WIRE,
  'src/log/partitioner.ts#murmur2': WIRE,
  'src/engine/task/carry-over.ts#CARRY_OVER_FAILPOINTS': FAILPOINTS,
  'src/engine/task/failpoints.ts#REBALANCE_FAILPOINTS': FAILPOINTS,
  'src/offline/archive-transactions.ts#ARCHIVE_FAILPOINTS': FAILPOINTS,
  'src/processing/processing-worker.ts#declare': 'a thread finds it by the file’s name',
  'src/responders/view-store/stored-views.ts#topicNameOf': 'the world of the tests feeds the same topics',
};

/** The generator finds the files with tables of error codes by their name. */
const CATALOGUED = /\/error-codes\.ts$/;

const declaration = /^export\s+(?:abstract\s+)?(?:async\s+)?(?:const|let|function\*?|class)\s+([\w$]+)/gm;
const names = /^[ \t]*(import|export)\b[^;'"`{]*\{([^}]*)\}\s*from\s*(['"])([^'"\n]+)\3/gm;
const whole = /\bimport\s*\(\s*(['"])([^'"\n]+)\1|\*\s*(?:as\s+\w+\s+)?from\s*(['"])([^'"\n]+)\3/g;

type Use = { readonly by: string; readonly as: string | undefined };

/** By `<file>#<name>`, who imports it, and as what it is handed on; `<file>#*` for the whole module. */
function usesOf(
  repository: Repository,
  doors: ReadonlyMap<string, string>,
): ReadonlyMap<string, readonly Use[]> {
  const uses = new Map<string, Use[]>();
  const note = (file: SourceFile, specifier: string, name: string, as?: string) => {
    const key = `${targetOf(file.path, specifier, doors)}#${name}`;
    uses.set(key, [...(uses.get(key) ?? []), { by: file.path, as }]);
  };
  for (const file of repository.files.filter(({ path }) => /\.[tj]s$/.test(path))) {
    const code = withoutComments(file.text);
    for (const [, kind, list = '', , specifier = ''] of code.matchAll(names)) {
      for (const each of list.split(',')) {
        const [name = '', as = name] = each
          .trim()
          .replace(/^type\s+/, '')
          .split(/\s+as\s+/);
        if (name !== '') note(file, specifier, name, kind === 'export' ? as : undefined);
      }
    }
    for (const [, , called, , starred] of code.matchAll(whole)) note(file, called ?? starred ?? '', '*');
  }
  return uses;
}

/** The files that package.json hands out to other packages. */
function publicDoors(repository: Repository): ReadonlySet<string> {
  const { exports = {} } = JSON.parse(repository.text('package.json') ?? '{}') as {
    exports?: Record<string, string>;
  };
  const sources = Object.values(exports).map((path) =>
    posix.normalize(path.replace('dist/', '').replace(/\.js$/, '.ts')),
  );
  return new Set(sources);
}

export function checkUses(
  repository: Repository,
  exceptions: Readonly<Record<string, string>> = EXCEPTIONS,
): readonly Finding[] {
  const uses = usesOf(repository, doorsOf(repository));
  const handedOut = publicDoors(repository);
  const isUsed = (path: string, name: string): boolean =>
    (uses.get(`${path}#*`) ?? []).some(({ by }) => !isForTests(by)) ||
    (uses.get(`${path}#${name}`) ?? []).some(({ by, as }) =>
      as === undefined ? !isForTests(by) : handedOut.has(by) || isUsed(by, as),
    );
  const findings: Finding[] = [];
  const excused = new Set<string>();
  for (const { path, text } of repository.files) {
    if (roomOf(path) === undefined || isForTests(path) || /\/(fixtures|contract)\//.test(path)) continue;
    if (!path.endsWith('.ts') || CATALOGUED.test(path)) continue;
    const code = withoutComments(text);
    for (const match of code.matchAll(declaration)) {
      const name = match[1] as string;
      if (isUsed(path, name)) continue;
      if (exceptions[`${path}#${name}`] !== undefined) excused.add(`${path}#${name}`);
      else
        findings.push({
          path,
          line: lineAt(code, match.index),
          rule: 'uses',
          message: `only tests import ${name}`,
        });
    }
  }
  const idle = Object.keys(exceptions).filter((each) => !excused.has(each));
  return findings.concat(
    idle.map((each) => ({
      path: 'tools/check/uses.ts',
      line: 1,
      rule: 'uses',
      message: `${each} needs no exception`,
    })),
  );
}
