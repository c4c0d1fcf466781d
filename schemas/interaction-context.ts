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

/** The names of the fields of the context of an event or of a request. */
export const contextFields: readonly string[] = Object.keys(fields);

/**
 * The context of an event or of a request from a JSON value, in which what is left out becomes null; or what is wrong
 * with it. Their form is the business of admission.
 */
export function readContext(json: unknown): InteractionContext | string {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return 'context must be an object';
  const unknown = Object.keys(json).find((name) => !Object.hasOwn(fields, name));
  if (unknown !== undefined) return `context has no field ${JSON.stringify(unknown)}`;
  const given = json as { readonly [name in keyof InteractionContext]?: unknown };
  for (const name of contextFields as readonly (keyof InteractionContext)[]) {
    const value = given[name] ?? null;
    if (value === null) continue;
    if (typeof value !== 'string' || !value.isWellFormed()) return `context.${name} must be well-formed text`;
    if (name === 'device' && !Object.hasOwn(devices, value)) {
      return `context.device must be one of ${Object.keys(devices).join(', ')}`;
    }
  }
  const { device = null, country = null, language = null } = given;
  return { device, country, language } as InteractionContext;
}
