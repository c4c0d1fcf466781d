/** As far as workflows and applications can be judged where nothing runs them. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { temporaryDirectory } from '#platform/testing';

type Step = {
  readonly name?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, string>>;
};

type Workflow = {
  readonly on: {
    readonly workflow_dispatch?: { readonly inputs: { overlay: { options: readonly string[] } } };
  };
  readonly jobs: Readonly<
    Record<
      string,
      { readonly steps?: readonly Step[]; readonly uses?: string; readonly permissions?: object }
    >
  >;
};

const root = join(import.meta.dirname, '../..');
const workflow = (name: string) =>
  parse(readFileSync(join(root, '.github/workflows', `${name}.yaml`), 'utf8')) as Workflow;
const overlays = (name: string) => join(root, 'deploy/kubernetes/overlays', name);

describe('workflows', () => {
  it('run and build what is in the repository', () => {
    const { jobs } = workflow('test');
    const steps = Object.values(jobs).flatMap(({ steps = [] }) => steps);
    const commands = steps.flatMap(({ run }) => run ?? []);
    assert.deepEqual(commands, ['./.ci/run']);
    accessSync(join(root, '.ci/run'), constants.X_OK);
    const files = steps.flatMap((step) => step.with?.file ?? []);
    assert.deepEqual(files, ['deploy/Dockerfile']);
    for (const path of files) assert.ok(existsSync(join(root, path)));
    const called = Object.values(jobs).flatMap(({ uses }) => uses ?? []);
    assert.ok(called.length > 0);
    for (const path of called) assert.ok(existsSync(join(root, path)), path);
  });

  it('promote to overlays that Argo CD follows', () => {
    const { overlay } = workflow('promote').on.workflow_dispatch?.inputs ?? {};
    assert.deepEqual(overlay?.options, ['staging', 'prod']);
    const documents = parseAllDocuments(readFileSync(join(root, 'deploy/argocd/applications.yaml'), 'utf8'));
    const applications = documents.map((each) => each.toJS()).filter(({ kind }) => kind === 'Application');
    const project = documents[0]?.toJS();
    for (const name of overlay?.options ?? []) {
      const { spec } = applications.find(({ metadata }) => metadata.name === `millrace-${name}`);
      assert.equal(spec.source.path, `deploy/kubernetes/overlays/${name}`);
      const { namespace } = parse(readFileSync(join(overlays(name), 'kustomization.yaml'), 'utf8'));
      assert.equal(spec.destination.namespace, namespace);
      assert.ok(
        project.spec.destinations.some((each: { namespace: string }) => each.namespace === namespace),
      );
      assert.deepEqual(project.spec.sourceRepos, [spec.source.repoURL]);
    }
  });
});

/** The promotion's own script, on a copy of the overlays, with a kubectl that takes everything. */
function promoting(t: TestContext) {
  const directory = temporaryDirectory(t);
  for (const name of ['staging', 'prod']) {
    mkdirSync(join(directory, 'deploy/kubernetes/overlays', name), { recursive: true });
    const file = 'kustomization.yaml';
    const target = join(directory, 'deploy/kubernetes/overlays', name, file);
    writeFileSync(target, readFileSync(join(overlays(name), file)));
  }
  writeFileSync(join(directory, 'kubectl'), '#!/bin/sh\n', { mode: 0o755 });
  const steps = workflow('promote').jobs.promote?.steps ?? [];
  const script = steps.find(({ name }) => name === 'Write the digest into the overlay')?.run ?? '';
  const digestOf = (name: string): string => {
    const path = join(directory, 'deploy/kubernetes/overlays', name, 'kustomization.yaml');
    return parse(readFileSync(path, 'utf8')).images[0].digest;
  };
  const promote = (overlay: string, digest: string) => {
    const env = { PATH: `${directory}:${process.env.PATH}`, OVERLAY: overlay, DIGEST: digest };
    execFileSync('bash', ['-eo', 'pipefail', '-c', script], { cwd: directory, env, stdio: 'pipe' });
  };
  return { promote, digestOf };
}

describe('a promotion', () => {
  const digest = `sha256:${'1a'.repeat(32)}`;

  it('writes the digest into its overlay alone, and into the next one from there', (t) => {
    const { promote, digestOf } = promoting(t);
    const before = digestOf('prod');
    promote('staging', digest);
    assert.deepEqual([digestOf('staging'), digestOf('prod')], [digest, before]);
    promote('prod', '');
    assert.equal(digestOf('prod'), digest);
  });

  it('refuses what is no digest, and a staging that has none yet', (t) => {
    const { promote, digestOf } = promoting(t);
    const before = digestOf('prod');
    for (const wrong of ['', 'latest', 'sha256:12', `${digest}; echo`, `x${digest}`]) {
      assert.throws(() => promote('prod', wrong), /no digest of an image|Command failed/, wrong);
    }
    assert.equal(digestOf('prod'), before);
  });
});
