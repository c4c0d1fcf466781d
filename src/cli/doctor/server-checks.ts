/** The log, the registry, Redis, their clocks, and the vault of pseudonyms. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { legacyVaultExists } from '#privacy';
import { openQuickRedis } from '#responders';
import { topics } from '#schemas';
import { openInstalledVault, openLogInstallation, withoutUser, withShutdown } from '#service';
import type { Configuration } from '#service/configuration';
import { openTopic } from '#topologies';
import { type Finding, failure, ok, problem, warning } from './finding.ts';
import { clockCheck } from './judgements.ts';

const WITHIN_MS = 3_000;

export async function logCheck(configuration: Configuration): Promise<Finding> {
  const { log, data } = configuration;
  const name = log === 'embedded' ? 'The embedded log' : withoutUser(log);
  if (log === 'embedded' && !existsSync(join(data, 'log.sqlite')))
    return warning('log', `There is no log in ${data} yet.`, 'The first "millrace start" makes it.');
  try {
    return await withShutdown(configuration, async (shutdown) => {
      const { log } = await openLogInstallation(configuration, shutdown);
      const begun = performance.now();
      const { length } = await log.describeTopics();
      return ok(
        'log',
        `${name} has ${length} topics, and answered in ${(performance.now() - begun).toFixed(0)} ms.`,
      );
    });
  } catch (error) {
    return failure('log', error);
  }
}

export async function registryChecks({
  registry,
  schemaRegistry,
}: Configuration): Promise<readonly Finding[]> {
  if (registry === 'embedded') return [ok('registry', 'The embedded one.')];
  const url = new URL(registry);
  const name = `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
  const [user, password] = [schemaRegistry.username ?? url.username, schemaRegistry.password ?? url.password];
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  try {
    const response = await fetch(`${name}/subjects`, {
      signal: AbortSignal.timeout(WITHIN_MS),
      headers: user === '' ? {} : { authorization },
    });
    await response.body?.cancel();
    const date = Date.parse(response.headers.get('date') ?? '');
    if (!response.ok)
      return [
        problem('registry', `${name} answers ${response.status}.`, 'Check its address, user and password.'),
      ];
    return [
      ok('registry', `${name} answers.`),
      ...(Number.isNaN(date) ? [] : [clockCheck('the registry', date, Date.now())]),
    ];
  } catch (error) {
    const why = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    return [
      problem('registry', `${name} does not answer: ${why}.`, 'Start it, or correct the option registry.'),
    ];
  }
}

export async function redisChecks({ views, redis }: Configuration): Promise<readonly Finding[]> {
  if (views === 'in-process') return [ok('redis', 'Not used: rows are in the process.')];
  const name = withoutUser(views);
  const { client } = openQuickRedis({ url: views, ...redis }, WITHIN_MS);
  try {
    await once(client, 'ready', { signal: AbortSignal.timeout(WITHIN_MS) });
    const facts = await client.info();
    const fact = (field: string) => new RegExp(`^${field}:(.*?)\r?$`, 'm').exec(facts)?.[1];
    const policy = fact('maxmemory_policy') ?? 'noeviction';
    const evicts = policy !== 'noeviction' && (fact('maxmemory') ?? '0') !== '0';
    const [seconds = 0, micros = 0] = (await client.time()).map(Number);
    const version = `Redis ${fact('redis_version')} at ${name}`;
    return [
      evicts
        ? problem('redis', `${version} evicts keys (${policy}).`, 'Set maxmemory-policy noeviction.')
        : ok('redis', `${version} answers.`),
      clockCheck('Redis', seconds * 1_000 + micros / 1_000, Date.now()),
    ];
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [
      problem(
        'redis',
        `${name} does not answer as it should: ${why}.`,
        'Start it, or correct views, redis.username and redis.password.',
      ),
    ];
  } finally {
    client.disconnect();
  }
}

/** Opens the vault where the log has one. */
export async function vaultCheck(configuration: Configuration): Promise<Finding> {
  const { log, data, privacy } = configuration;
  if (privacy.userIds === 'as-given') return ok('vault', 'Not used: users are on the log by their own ids.');
  const none = ok('vault', 'There is none yet: the first start makes it.');
  if (log === 'embedded' && !existsSync(join(data, 'log.sqlite'))) return none;
  try {
    return await withShutdown(configuration, async (shutdown) => {
      const opened = await openLogInstallation(configuration, shutdown);
      const described = (await opened.log.describeTopics()).find(({ name }) => name === topics.vault.name);
      if (legacyVaultExists(data)) return ok('vault', 'The next start moves it to the log.');
      if (described?.offsets.some(({ end }) => end > 0) !== true) return none;
      const vault = await openTopic('vault', opened.log, opened.registry);
      await openInstalledVault({ ...opened, topics: { vault } }, shutdown);
      return ok('vault', 'Its key opens it.');
    });
  } catch (error) {
    return failure('vault', error);
  }
}
