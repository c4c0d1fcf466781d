import type { Device } from './generated/types.ts';

/** What an event may come from; a record, so that the compiler misses no member of the schema. */
export const devices: Readonly<Record<Device, true>> = {
  mobile: true,
  desktop: true,
  tablet: true,
  tv: true,
  other: true,
};
