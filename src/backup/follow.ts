import { Backoff, RetryableError } from '#platform';
import { type Shipment, Shipper, type ShipperOptions } from './shipping/shipper.ts';

export type FollowOptions = ShipperOptions & {
  readonly intervalMs: number;
  readonly onShipment: (shipment: Shipment) => void;
};

const RETRY = { firstMs: 1_000, longestMs: 60_000 };

/**
 * Ships what is new, again and again, until `signal` aborts. What may be over soon, such as a full disk, is logged and tried
 * again. Errors: all others of Shipper.
 */
export async function followBackup(options: FollowOptions): Promise<void> {
  const { clock, logger, signal, intervalMs, onShipment } = options;
  const backoff = new Backoff(clock, RETRY);
  let shipper: Shipper | undefined;
  try {
    while (!signal.aborted) {
      try {
        shipper ??= await Shipper.open(options);
        onShipment(await shipper.ship());
        backoff.reset();
      } catch (error) {
        shipper?.close();
        shipper = undefined;
        if (signal.aborted) return;
        if (!(error instanceof RetryableError)) throw error;
        logger.warn(
          { err: error, failures: backoff.failures + 1 },
          'nothing was shipped to the backup; retrying',
        );
        await backoff.wait(signal);
        continue;
      }
      await clock.sleep(intervalMs, signal);
    }
  } finally {
    shipper?.close();
  }
}
