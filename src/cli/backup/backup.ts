/** `millrace backup DIR`: what is new goes to the backup, once or from now on. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { followBackup, type Shipment, Shipper, type ShipperOptions } from '#backup';
import { createLogger, type Shutdown, systemClock } from '#platform';
import type { ConfigurationSources } from '#platform/configuration';
import { requireData, unlessInterrupted, withShutdown } from '#service';
import { type Configuration, explainConfiguration } from '#service/configuration';
import type { ObjectStore } from '#storage';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import { grouped, moment, notice, type Output } from '../output.ts';
import { DECISIONS_TOPIC, placeToWrite } from './place.ts';

type Options = { readonly follow?: boolean; readonly interval?: string; readonly keep?: string };

const DAY_MS = 86_400_000;

export function backupCommand(command: Command): Command {
  return defineCommand<Options>({
    command: command
      .argument('<place>', 'directory of the backup, best on another machine’s disk, or s3://BUCKET/PREFIX')
      .option('-f, --follow', 'keep shipping new data every few seconds, until Ctrl-C')
      .option('--interval <seconds>', 'how often (default: 5)')
      .option('--keep <days>', 'how far back every point can be restored (default: 7)'),
    examples: [
      ['millrace backup /mnt/backup', 'what is new since the last time'],
      ['millrace backup /mnt/backup --follow', 'and from now on, every 5 seconds'],
      ['millrace backup /mnt/backup --keep 30', 'every point of the last 30 days'],
    ],
    notes: `
Log with vault, master key, versions, archive, snapshots and configuration files are backed up beside a running
"millrace start"; state is left out, as it is rebuilt from the log. Everything acknowledged before the time that is
printed is in the backup. It is encrypted if backup.key is set; it must be set from the first time on. "millrace
backups DIR" lists the points, "millrace restore DIR" restores one. docs/BACKUP.md says more.`,
    flags: ({ interval, keep }) => ({ 'backup.intervalSeconds': interval, 'backup.keepDays': keep }),
    run: (invocation, [place = '']) => backup(invocation, place),
  });
}

async function backup(
  { configuration, sources, options, output }: Invocation<Options>,
  place: string,
): Promise<number> {
  const { backup: configured } = configuration;
  requireData(configuration);
  return withShutdown(configuration, async (shutdown) => {
    const store = await placeToWrite(place, configuration);
    shutdown.add('backup', async () => store.close());
    if (configured.key === undefined)
      notice(output, 'The backup is not encrypted (backup.key): who reads it reads the vault’s key.');
    const { signal } = shutdown;
    const shipping = shippingOptions(store, { configuration, sources, signal });
    const work = options.follow === true ? follow(shipping, configuration, output) : once(shipping, output);
    shutdown.add('shipping', async () => void (await work.catch(() => {})));
    await (options.follow === true ? untilSignal(work, shutdown) : unlessInterrupted(work, shutdown.signal));
    return EXIT.done;
  });
}

/** What is shipped, and how, as the configuration says. */
export function shippingOptions(
  store: ObjectStore,
  {
    configuration: { data, backup: configured, logging },
    sources,
    signal,
  }: Pick<Invocation<unknown>, 'configuration' | 'sources'> & { readonly signal: AbortSignal },
): ShipperOptions {
  return {
    store,
    passphrase: configured.key,
    dataDirectory: data,
    configurationFiles: filesOf(sources),
    decisionsTopic: DECISIONS_TOPIC,
    keepMs: configured.keepDays * DAY_MS,
    clock: systemClock,
    logger: createLogger({ level: logging.level, name: 'backup' }),
    signal,
  };
}

async function once(shipping: ShipperOptions, output: Output): Promise<void> {
  const shipper = await Shipper.open(shipping);
  try {
    print(output, await shipper.ship());
  } finally {
    shipper.close();
  }
}

/** Lines are printed for what was shipped, and not while there is nothing. */
function follow(shipping: ShipperOptions, { backup }: Configuration, output: Output): Promise<void> {
  const onShipment = (shipment: Shipment) => {
    if (shipment.manifest !== undefined) print(output, shipment);
  };
  return followBackup({ ...shipping, intervalMs: backup.intervalSeconds * 1_000, onShipment });
}

/** Ctrl-C is how it ends. */
async function untilSignal(work: Promise<void>, { signal }: Shutdown): Promise<void> {
  await unlessInterrupted(work, signal).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

function print(output: Output, { at, manifest, bytes }: Shipment): void {
  if (output.json) {
    output.value({ at, number: manifest?.number ?? null, base: manifest?.isBase ?? false, bytes });
    return;
  }
  const what =
    manifest === undefined
      ? 'Nothing is new'
      : `${manifest.isBase ? 'Shipped everything' : 'Shipped what is new'}, ${grouped(bytes / 1_000)} KB`;
  output.line(`${what}. Everything acknowledged before ${moment(at)} UTC is in the backup.`);
}

/** The files that options were read from. */
function filesOf(sources: ConfigurationSources): readonly string[] {
  const files = explainConfiguration(sources)
    .filter(({ origin }) => origin.kind === 'file' || origin.kind === 'profile')
    .map(({ origin }) => resolve(origin.source));
  return [...new Set(files)];
}
