/** As far as docker-compose.yml and the Dockerfile can be judged where there is no engine to run them. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { temporaryDirectory } from '#platform/testing';
import { ROLE_NAMES, requireWhatRolesNeed } from '#service';
import { loadConfiguration } from '#service/configuration';
import { copiedPaths, type Instruction, instructionsOf, variablesOf } from './dockerfile.ts';

type Service = {
  readonly image?: string;
  readonly user?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly restart?: string;
};

type RoleService = Service & {
  readonly profiles?: readonly string[];
  readonly command?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly tmpfs?: readonly string[];
};

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const compose = parse(read('docker-compose.yml')) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, null>>;
};
const services = Object.entries(compose.services);
const isRoot = (user: string | undefined) => user === undefined || /^(root|0)(:|$)/.test(user);

/** The Dockerfile of a service that is built here. */
function built({ build }: Service): readonly Instruction[] | undefined {
  return build && instructionsOf(read(join(build.context, build.dockerfile)));
}

function last(instructions: readonly Instruction[] | undefined, name: string): string | undefined {
  return instructions?.findLast((each) => each.name === name)?.argument;
}

describe('docker-compose.yml', () => {
  for (const [name, service] of services) {
    const { image, user, ports = [], volumes = [], healthcheck, depends_on = {} } = service;
    const dockerfile = built(service);

    it(`${name} has one image, a version of it, and does not run as root`, () => {
      if (dockerfile === undefined) assert.match(image ?? '', /^[\w./-]+:\d[\w.-]*$/);
      assert.equal(isRoot(user ?? last(dockerfile, 'USER')), false);
    });

    it(`${name} is looked after: its health, its start after what it needs, its end`, () => {
      const check = healthcheck?.test[0] ?? last(dockerfile, 'HEALTHCHECK');
      assert.match(check ?? '', /\bCMD/);
      assert.equal(service.restart, 'unless-stopped');
      for (const [needed, { condition }] of Object.entries(depends_on)) {
        assert.equal(condition, 'service_healthy', needed);
        assert.ok(needed in compose.services, needed);
      }
    });

    it(`${name} is published to this machine alone, and its volumes are declared`, () => {
      for (const port of ports) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/);
      for (const volume of volumes) assert.ok((volume.split(':')[0] ?? '') in compose.volumes, volume);
    });

    it(`${name} waits for each service that its variables name`, () => {
      const named = services
        .map(([each]) => each)
        .filter((each) => {
          return Object.entries(service.environment ?? {}).some(([variable, value]) => {
            return !variable.startsWith('KAFKA_') && new RegExp(`(^|//)${each}:\\d+`).test(String(value));
          });
        });
      assert.deepEqual(Object.keys(depends_on).sort(), named.sort());
    });
  }

  it('addresses the ports at which the services listen', () => {
    const { kafka, millrace } = compose.services;
    assert.match(
      String(kafka?.environment?.KAFKA_ADVERTISED_LISTENERS),
      /\/\/kafka:9092,.*\/\/localhost:9094$/,
    );
    assert.deepEqual(kafka?.ports, ['127.0.0.1:9094:9094']);
    assert.match(String(millrace?.environment?.MILLRACE_LOG), /kafka:9092$/);
  });

  it('gives Millrace a configuration that it accepts', (t) => {
    const service = compose.services.millrace ?? {};
    const environment = { ...variablesOf(built(service) ?? []), ...service.environment } as Record<
      string,
      string
    >;
    const configuration = loadConfiguration({ flags: {}, environment, directory: temporaryDirectory(t) });
    assert.deepEqual(
      { log: configuration.log, registry: configuration.registry, views: configuration.views },
      {
        log: 'kafka://kafka:9092',
        registry: 'http://registry:8080/apis/ccompat/v7',
        views: 'redis://redis:6379',
      },
    );
    assert.ok(service.volumes?.some((volume) => volume.endsWith(`:${configuration.data}`)));
    assert.ok(service.ports?.some((port) => port.endsWith(`:${configuration.http.port}`)));
    assert.equal(configuration.http.host, '0.0.0.0');
  });
});

describe('deploy/docker-compose.roles.yml', () => {
  const file = parse(read('deploy/docker-compose.roles.yml'), { merge: true }) as {
    readonly services: Readonly<Record<string, RoleService>>;
    readonly volumes: Readonly<Record<string, null>>;
  };
  const { millrace, ...byRole } = file.services;

  it('has a service for each role in place of the one that has all', () => {
    assert.deepEqual(millrace?.profiles, ['alone']);
    assert.deepEqual(Object.keys(byRole).toSorted(), ROLE_NAMES.toSorted());
  });

  for (const [role, service] of Object.entries(byRole)) {
    it(`${role} starts with options that it accepts, on volumes alone`, (t) => {
      assert.deepEqual(service.command, ['start', '--roles', role]);
      const secrets = temporaryDirectory(t);
      writeFileSync(join(secrets, 'master-key'), Buffer.alloc(32, 7).toString('base64'));
      const given = Object.entries({ ...variablesOf(built(service) ?? []), ...service.environment });
      const environment = Object.fromEntries(
        given.map(([name, value]) => [name, String(value).replace('/run/secrets', secrets)]),
      );
      const configuration = loadConfiguration({ flags: { roles: role }, environment, directory: secrets });
      requireWhatRolesNeed(configuration);
      assert.deepEqual([service.read_only, service.cap_drop, service.tmpfs], [true, ['ALL'], ['/tmp']]);
      assert.ok(service.volumes?.includes(`${role}:${configuration.data}`));
      for (const volume of service.volumes ?? [])
        assert.ok((volume.split(':')[0] ?? '') in file.volumes, volume);
      for (const port of service.ports ?? []) assert.match(port, /^127\.0\.0\.1:\d+:8080$/);
      assert.deepEqual(Object.keys(service.depends_on ?? {}), ['kafka', 'registry', 'redis']);
    });
  }
});

describe('deploy/Dockerfile', () => {
  const instructions = instructionsOf(read('deploy/Dockerfile'));
  const copied = copiedPaths(instructions);

  it('copies what exists, all of which the build is given', () => {
    const given = read('deploy/Dockerfile.dockerignore').match(/^!.*$/gm);
    assert.deepEqual(given?.map((line) => line.slice(1)).sort(), [...copied].sort());
    for (const path of copied) assert.ok(existsSync(join(root, path)), path);
  });

  it('copies enough: the command runs from it', async (t) => {
    const directory = temporaryDirectory(t);
    for (const path of copied) cpSync(join(root, path), join(directory, path), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
    const [program, ...args] = JSON.parse(last(instructions, 'ENTRYPOINT') ?? '') as string[];
    assert.equal(program, 'node');
    const command = JSON.parse(last(instructions, 'CMD') ?? '') as string[];
    const { stdout } = await promisify(execFile)(process.execPath, [...args, ...command, '--help'], {
      cwd: directory,
    });
    assert.match(stdout, /millrace start/);
  });

  it('runs on the Node that the package brings, and asks the port that it opens for its health', () => {
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: { node: string } };
    assert.match(last(instructions, 'FROM') ?? '', new RegExp(`^node:${dependencies.node.split('.')[0]}\\b`));
    const { MILLRACE_HTTP_PORT: port } = variablesOf(instructions);
    assert.equal(last(instructions, 'EXPOSE'), port);
    assert.match(last(instructions, 'HEALTHCHECK') ?? '', new RegExp(`127\\.0\\.0\\.1:${port}/health/ready`));
  });
});

describe('instructionsOf', () => {
  it('joins lines, and leaves comments out', () => {
    const text = '# first\nFROM a\nENV A=1 \\\n  B=2=3\n# USER root\nCOPY a b/c ./\n';
    const instructions = instructionsOf(text);
    assert.deepEqual(
      instructions.map(({ name }) => name),
      ['FROM', 'ENV', 'COPY'],
    );
    assert.deepEqual(variablesOf(instructions), { A: '1', B: '2=3' });
    assert.deepEqual(copiedPaths(instructions), ['a', 'b/c']);
  });
});
