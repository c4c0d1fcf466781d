/** Kafka and the registry from Maven Central, kept for the user, so that they are fetched once. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { requirePrograms, runToEnd } from './programs.ts';

const REGISTRY_VERSION = '3.0.9';
const PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:2.8';

const pom = join(import.meta.dirname, 'pom.xml');
const kafka = `kafka-${createHash('sha256').update(readFileSync(pom)).digest('hex').slice(0, 12)}`;
const registry = `registry-${REGISTRY_VERSION}`;

/** Whether nothing has to be fetched any more. */
export function isAllFetched(): boolean {
  return [kafka, registry].every((name) => existsSync(join(cacheFolder(), name)));
}

/** The folder of Kafka's jars. */
export function kafkaJars(): Promise<string> {
  return kept(kafka, (folder) => [`${PLUGIN}:copy-dependencies`, `-DoutputDirectory=${folder}`]);
}

/** The jar of Apicurio's registry, with what it needs beside it. */
export async function registryJar(): Promise<string> {
  const folder = await kept(registry, (folder) => [
    `${PLUGIN}:unpack`,
    `-Dartifact=io.apicurio:apicurio-registry-app:${REGISTRY_VERSION}:tar.gz:all`,
    `-DoutputDirectory=${folder}`,
  ]);
  return join(folder, `apicurio-registry-app-${REGISTRY_VERSION}-runner.jar`);
}

/** What is fetched once for a user. */
export function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'millrace');
}

/** Several processes may fetch at once: each fetches for itself, and the first one's folder stays. */
async function kept(name: string, mavenArguments: (folder: string) => readonly string[]): Promise<string> {
  const folder = join(cacheFolder(), name);
  if (existsSync(folder)) return folder;
  requirePrograms('mvn', 'java');
  console.error(`fetching ${name} from Maven Central into ${cacheFolder()}, once`);
  await mkdir(cacheFolder(), { recursive: true });
  const fetched = await mkdtemp(join(cacheFolder(), 'fetching-'));
  try {
    const settings = ['-q', '-B', '-Dstyle.color=never', `-Dnotes=${join(fetched, 'notes')}`];
    await runToEnd('mvn', [...settings, '-f', pom, ...mavenArguments(fetched)]);
    await rename(fetched, folder).catch((error) => {
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(fetched, { recursive: true, force: true });
  }
  return folder;
}
