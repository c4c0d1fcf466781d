/** As far as deploy/terraform can be judged where nothing applies it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { loadConfiguration } from '#service/configuration';

const root = join(import.meta.dirname, '../../deploy');
const folder = join(root, 'terraform');
const source = readdirSync(folder)
  .filter((name) => name.endsWith('.tf'))
  .map((name) => readFileSync(join(folder, name), 'utf8'))
  .join('\n');

describe('deploy/terraform', () => {
  it('has for outputs what an overlay is started with', () => {
    const outputs = [...source.matchAll(/description = "(MILLRACE_\w+).*"\n\s*value\s*= (.*)/g)];
    const environment = Object.fromEntries(
      outputs.map(([, name = '', value = '']) => [
        name,
        value.replaceAll('"', '').replace(/\$\{.*?\}/g, 'x'),
      ]),
    );
    environment.MILLRACE_REGISTRY = 'http://registry:8081';
    const { log, views, storage, objectStore } = loadConfiguration({
      flags: {},
      environment,
      directory: root,
    });
    assert.deepEqual(
      [log, views, storage],
      ['kafka://x?replication=3&tls=true', 'rediss://x:6379', 's3://x'],
    );
    assert.ok(objectStore.region.length > 0);
  });

  it('refers to what is declared', () => {
    const declared = new Set(
      [...source.matchAll(/^(resource|data) "(\w+)" "(\w+)"/gm)].map(([, kind, type, name]) =>
        kind === 'data' ? `data.${type}.${name}` : `${type}.${name}`,
      ),
    );
    const used = [...source.matchAll(/(?<![\w."])((?:data\.)?aws_\w+\.\w+)/g)].map(([, name = '']) => name);
    assert.ok(used.length > 10);
    for (const name of used) assert.ok(declared.has(name), name);
    const variables = new Set([...source.matchAll(/^variable "(\w+)"/gm)].map(([, name]) => name));
    for (const [, name = ''] of source.matchAll(/var\.(\w+)/g)) assert.ok(variables.has(name), name);
  });

  it('opens ports that pods may reach', () => {
    const policies = parseAllDocuments(readFileSync(join(root, 'kubernetes/base/network.yaml'), 'utf8'));
    const servers = policies.map((each) => each.toJS()).find(({ metadata }) => metadata.name === 'servers');
    const open: readonly number[] = servers.spec.egress[1].ports.map(({ port }: { port: number }) => port);
    for (const [, port = ''] of source.matchAll(/from_port\s*= (\d+)/g))
      assert.ok(open.includes(Number(port)), port);
    assert.ok(open.includes(443));
  });
});
