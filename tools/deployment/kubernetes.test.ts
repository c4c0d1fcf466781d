/** As far as deploy/kubernetes can be judged where there is no cluster to apply it to. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { temporaryDirectory } from '#platform/testing';
import { LOOP_GROUP } from '#processing';
import { topics } from '#schemas';
import { ROLE_NAMES, ROLES, requireFitForProduction, requireWhatRolesNeed } from '#service';
import { loadConfiguration } from '#service/configuration';
import { isObjectStore } from '#storage';

type Container = {
  readonly args: readonly string[];
  readonly env?: readonly { readonly name: string }[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  readonly resources: { readonly requests: object; readonly limits: { readonly memory: string } };
  readonly securityContext: object;
} & Readonly<
  Record<'startupProbe' | 'livenessProbe' | 'readinessProbe', { readonly httpGet: { readonly path: string } }>
>;

type Pod = {
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string }[];
  readonly securityContext: { readonly runAsNonRoot: boolean; readonly seccompProfile: object };
  readonly automountServiceAccountToken: boolean;
};

type Manifest = {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  // biome-ignore lint/suspicious/noExplicitAny: each kind has a form of its own
  readonly spec: any;
};

type Kustomization = {
  readonly resources: readonly string[];
  readonly components?: readonly string[];
  readonly configMapGenerator?: readonly { readonly literals: readonly string[] }[];
};

const root = join(import.meta.dirname, '../../deploy/kubernetes');
const kustomization = (folder: string) =>
  parse(readFileSync(join(root, folder, 'kustomization.yaml'), 'utf8')) as Kustomization;
const manifests = (folder: string): readonly Manifest[] =>
  kustomization(folder)
    .resources.filter((path) => path.endsWith('.yaml'))
    .flatMap((path) => parseAllDocuments(readFileSync(join(root, folder, path), 'utf8')))
    .map((document) => document.toJS() as Manifest);

const onlyOf = (folder: string): Manifest => {
  const [only, ...others] = manifests(folder);
  assert.ok(only !== undefined && others.length === 0, folder);
  return only;
};

const base = manifests('base');
const ofKind = (...kinds: readonly string[]) => base.filter(({ kind }) => kinds.includes(kind));
const workloads = ofKind('Deployment', 'StatefulSet');
const podOf = ({ spec }: Manifest): Pod => spec.template.spec;
const containerOf = (workload: Manifest): Container => podOf(workload).containers[0] as Container;

/** The variables of an overlay's config map. */
function variables(overlay: string): Record<string, string> {
  const literals = [kustomization('base'), kustomization(`overlays/${overlay}`)].flatMap(
    ({ configMapGenerator = [] }) => configMapGenerator.flatMap((each) => each.literals),
  );
  return Object.fromEntries(
    literals.map((literal) => {
      const [name = '', ...value] = literal.split('=');
      return [name, value.join('=')];
    }),
  );
}

describe('deploy/kubernetes', () => {
  it('has a workload for each role, and each file in a kustomization', () => {
    const roles = workloads.map((each) => containerOf(each).args);
    assert.deepEqual(roles.toSorted(), ROLE_NAMES.map((name) => ['start', '--roles', name]).toSorted());
    for (const { metadata, spec } of workloads) {
      assert.deepEqual(spec.selector.matchLabels, { 'app.kubernetes.io/component': metadata.name });
      assert.deepEqual(spec.template.metadata.labels, spec.selector.matchLabels);
    }
    for (const folder of ['base', 'components/keda', 'components/ingress', 'components/gateway-api']) {
      const files = readdirSync(join(root, folder)).filter((name) => name !== 'kustomization.yaml');
      assert.deepEqual(files.toSorted(), kustomization(folder).resources.toSorted(), folder);
    }
    for (const overlay of readdirSync(join(root, 'overlays'))) {
      const { resources, components = [] } = kustomization(`overlays/${overlay}`);
      for (const path of [...resources, ...components])
        assert.ok(existsSync(join(root, 'overlays', overlay, path)), path);
    }
  });

  for (const workload of workloads) {
    const { name } = workload.metadata;
    const [pod, container] = [podOf(workload), containerOf(workload)];

    it(`${name} is what pod security "restricted" takes, and writes to volumes alone`, () => {
      assert.equal(pod.securityContext.runAsNonRoot, true);
      assert.deepEqual(pod.securityContext.seccompProfile, { type: 'RuntimeDefault' });
      assert.equal(pod.automountServiceAccountToken, false);
      assert.deepEqual(container.securityContext, {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      const templates: readonly Manifest[] = workload.spec.volumeClaimTemplates ?? [];
      const volumes = [
        ...pod.volumes.map((each) => each.name),
        ...templates.map(({ metadata }) => metadata.name),
      ];
      assert.deepEqual(
        [...new Set(container.volumeMounts.map((each) => each.name))].toSorted(),
        volumes.toSorted(),
      );
      assert.ok(container.volumeMounts.some(({ mountPath }) => mountPath === '/data'));
    });

    it(`${name} has probes that the server answers, a limit of memory, and time to drain`, () => {
      assert.equal(container.startupProbe.httpGet.path, '/health/live');
      assert.equal(container.livenessProbe.httpGet.path, '/health/live');
      assert.equal(container.readinessProbe.httpGet.path, '/health/ready');
      assert.match(container.resources.limits.memory, /^\d+[MG]i$/);
      assert.ok(workload.spec.template.spec.terminationGracePeriodSeconds >= 30);
    });
  }

  it('selects and scales what there is', () => {
    const names = workloads.map(({ metadata }) => metadata.name);
    const selecting = ofKind('Service', 'PodDisruptionBudget').map(
      ({ spec }) => spec.selector.matchLabels ?? spec.selector,
    );
    for (const labels of selecting) assert.ok(names.includes(labels['app.kubernetes.io/component']));
    for (const { spec } of ofKind('HorizontalPodAutoscaler')) {
      assert.ok(names.includes(spec.scaleTargetRef.name));
      assert.ok(spec.minReplicas >= 2);
    }
    const scaled = onlyOf('components/keda');
    const { partitions, name } = topics['interactions-accepted'];
    const [{ metadata: trigger }] = scaled.spec.triggers as [{ metadata: Readonly<Record<string, string>> }];
    assert.deepEqual([trigger.consumerGroup, trigger.topic], [LOOP_GROUP, name]);
    assert.ok(scaled.spec.minReplicaCount > 0 && scaled.spec.maxReplicaCount <= partitions);
  });

  it('routes every path that clients ask for to the role that serves it', () => {
    const ingress = onlyOf('components/ingress');
    const byIngress = (
      ingress.spec.rules[0].http.paths as readonly { path: string; backend: { service: { name: string } } }[]
    ).map(({ path, backend }) => [path, backend.service.name] as const);
    const route = onlyOf('components/gateway-api');
    const byRoute = (
      route.spec.rules as readonly {
        matches: { path: { value: string } }[];
        backendRefs: { name: string }[];
      }[]
    ).flatMap(({ matches, backendRefs }) =>
      matches.map(({ path }) => [path.value, backendRefs[0]?.name ?? ''] as const),
    );
    for (const role of ['gateway', 'responder'] as const) {
      for (const { path } of ROLES[role].operations) {
        for (const routes of [byIngress, byRoute]) {
          const found = routes.find(([prefix]) => path === prefix || path.startsWith(`${prefix}/`));
          assert.equal(found?.[1], role, path);
        }
      }
    }
    assert.equal(byIngress.length + byRoute.length, 16, 'operators do not come in by the door of clients');
  });

  for (const overlay of ['dev', 'staging', 'prod']) {
    it(`${overlay} has options that each role starts with`, (t) => {
      const secrets = temporaryDirectory(t);
      writeFileSync(join(secrets, 'admin-token'), 'a token of operators');
      writeFileSync(join(secrets, 'object-store-id'), 'an id');
      writeFileSync(join(secrets, 'object-store-secret'), 'a secret');
      writeFileSync(join(secrets, 'master-key'), Buffer.alloc(32, 7).toString('base64'));
      const given = Object.entries(variables(overlay)).map(
        ([name, value]) => [name, value.replace('/run/secrets/millrace', secrets)] as const,
      );
      for (const roles of ROLE_NAMES) {
        const environment = { ...Object.fromEntries(given), MILLRACE_ROLES: roles };
        const configuration = loadConfiguration({ flags: {}, environment, directory: secrets });
        requireFitForProduction(configuration);
        requireWhatRolesNeed(configuration);
        assert.deepEqual(configuration.roles, [roles]);
        assert.ok(isObjectStore(configuration.storage), 'pods share no folder');
        assert.equal(configuration.profile, overlay === 'dev' ? undefined : overlay);
      }
    });
  }
});
