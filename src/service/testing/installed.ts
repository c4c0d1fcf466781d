import type { TestContext } from 'node:test';
import { createLogger, Shutdown, systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { type Configuration, loadConfiguration } from '../configuration.ts';
import { type Installation, openInstallation } from '../installation.ts';

export type Installed = { readonly installation: Installation; readonly shutdown: Shutdown };

/** The product's topics in a data directory of the test's own, with nothing that runs on it. */
export async function installed(
  t: TestContext,
  flags: Parameters<typeof loadConfiguration>[0]['flags'] = {},
): Promise<Installed & { readonly configuration: Configuration }> {
  const directory = temporaryDirectory(t);
  const configuration = loadConfiguration({
    flags: { data: directory, 'logging.level': 'silent', 'privacy.userIds': 'as-given', ...flags },
    environment: {},
    directory,
  });
  const shutdown = new Shutdown({
    logger: createLogger({ level: 'silent', name: 'test' }),
    clock: systemClock,
  });
  t.after(() => shutdown.stop('done'));
  return { installation: await openInstallation(configuration, shutdown), shutdown, configuration };
}
