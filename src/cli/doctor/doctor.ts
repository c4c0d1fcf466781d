/** `millrace doctor`: whether everything that a start needs is there, and what to do where it is not. */
import { existsSync } from 'node:fs';
import { release } from 'node:os';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { requireFitForProduction } from '#service';
import { configuredSecrets, explainConfiguration } from '#service/configuration';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import type { Output } from '../output.ts';
import { type Finding, failure, ok, without } from './finding.ts';
import { dataChecks, filesCheck, nodeCheck, permissionChecks, portCheck } from './host-checks.ts';
import { logCheck, redisChecks, registryChecks, vaultCheck } from './server-checks.ts';

export function doctorCommand(command: Command): Command {
  return defineCommand({
    command,
    examples: [
      ['millrace doctor', 'each check with what to do'],
      ['millrace doctor --profile prod', 'as production would be started'],
      ['millrace doctor --json', 'for a bug report: it holds no secrets'],
    ],
    notes: `
It changes no data, runs beside "millrace start", and writes one small file in the data directory for a moment.
Kafka's brokers do not tell their time: clocks are compared with those of Redis and the registry. Exit code 1 if there
is a problem.`,
    run: examine,
    misconfigured: async (error, output) =>
      report(output, [...hostChecks(), failure('configuration', error)], []),
  });
}

const hostChecks = () => [nodeCheck(), filesCheck()];

async function examine({ configuration, sources, output }: Invocation<object>): Promise<number> {
  const findings: Finding[] = [...hostChecks(), configurationCheck({ configuration })];
  findings.push(...dataChecks(configuration), ...permissionChecks(secretFiles({ configuration, sources })));
  findings.push(await vaultCheck(configuration));
  findings.push(await portCheck(configuration), await logCheck(configuration));
  findings.push(...(await registryChecks(configuration)), ...(await redisChecks(configuration)));
  return report(output, findings, secretTexts(configuration));
}

function configurationCheck({ configuration }: Pick<Invocation<object>, 'configuration'>): Finding {
  try {
    requireFitForProduction(configuration);
    return ok(
      'configuration',
      `It is sound${configuration.profile === undefined ? '' : ` for profile ${configuration.profile}`}.`,
    );
  } catch (error) {
    return failure('configuration', error);
  }
}

/** The files that options refer to for secrets, and the vault's. */
function secretFiles({
  configuration,
  sources,
}: Pick<Invocation<object>, 'configuration' | 'sources'>): readonly string[] {
  const named = explainConfiguration(sources).flatMap(({ reference }) =>
    reference?.startsWith('file:') ? [resolve(sources.directory, reference.slice('file:'.length))] : [],
  );
  const vault = ['pseudonyms-view.sqlite', 'pseudonyms.key'].map((name) => join(configuration.data, name));
  return [...named, ...vault.filter((path) => existsSync(path))];
}

/** Every value that must not be shown: of secret options, and passwords within addresses. */
function secretTexts(configuration: Invocation<object>['configuration']): readonly string[] {
  const { log, registry, views } = configuration;
  const passwords = [log, registry, views].flatMap((text) => {
    const [, raw] = /\/\/[^/]*:([^/]*)@/.exec(text) ?? [];
    return raw === undefined ? [] : [raw, decodeURIComponent(raw)];
  });
  const values = Object.values(configuredSecrets(configuration)).filter((value) => typeof value === 'string');
  return [...values, ...passwords].filter((value) => value !== '');
}

function report(output: Output, findings: readonly Finding[], secrets: readonly string[]): number {
  const clean = findings.map((finding) => JSON.parse(without(secrets, JSON.stringify(finding))) as Finding);
  const isSound = clean.every(({ state }) => state !== 'problem');
  if (output.json) {
    const { platform, arch, versions } = process;
    output.value({ sound: isSound, platform, arch, kernel: release(), node: versions.node, checks: clean });
  } else {
    for (const { check, state, says, todo } of clean) {
      output.line(`${state.padEnd(7)}  ${check.padEnd(13)}  ${says}`);
      if (todo !== undefined) output.line(`${' '.repeat(26)}${todo}`);
    }
  }
  return isSound ? EXIT.done : EXIT.failed;
}
