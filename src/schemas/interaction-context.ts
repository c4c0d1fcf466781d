import type { Device, InteractionContext } from './generated/types.ts';

// Records, so that the compiler misses no member of the schema.

/** What an event may come from. */
export const devices: Readonly<Record<Device, true>> = {
  mobile: true,
  desktop: true,
  tablet: true,
  tv: true,
  other: true,
};

const fields: Readonly<Record<keyof InteractionContext, true>> = {
  device: true,
  country: true,
  language: true,
};

/** The fields of the context of an event or of a request. */
export const contextFields: ReadonlySet<string> = new Set(Object.keys(fields));
