/**
 * How a room declares its options, in its options.ts: sections of options, each with its form, its default and what it
 * means.
 *
 *     export const GATEWAY_OPTIONS = {
 *       gateway: {
 *         maxLag: option(whole().default(100_000))`
 *           Events awaiting admission above which POST /events answers 429; 0 for any number.`,
 *       },
 *     };
 *
 * A process puts together the options of the rooms that it consists of and reads them with readOptions.
 */
import { z } from 'zod';

export { z } from 'zod';

type Section = Readonly<Record<string, z.ZodType>>;

/** Options and sections of options, by name. */
export type Options = Readonly<Record<string, z.ZodType | Section>>;

/** The values of options. */
export type ValuesOf<O extends Options> = {
  readonly [N in keyof O]: O[N] extends z.ZodType
    ? z.output<O[N]>
    : O[N] extends Section
      ? Readonly<z.output<z.ZodObject<O[N]>>>
      : never;
};

/**
 * The text may take several lines. Values of a secret option are never shown, and may be references, as secrets.ts says;
 * `isRenewed`: a process that serves takes a new value on SIGHUP, without a restart.
 */
export function option<S extends z.ZodType>(schema: S, { isSecret = false, isRenewed = false } = {}) {
  return (text: TemplateStringsArray, ...values: readonly string[]): S => {
    const description = String.raw(text, ...values).trim();
    return schema.meta({ description: description.replace(/\s+/g, ' '), isSecret, isRenewed });
  };
}

export const whole = () => z.int().min(0);
export const count = () => z.int().min(1);
export const seed = () => whole().max(0xffff_ffff);
export const text = () => z.string().min(1);
export const token = () => z.string().min(16);
export const onOff = () => z.enum(['on', 'off']);

/** `builtIn`, or an address of one of `schemes`. */
export function address(builtIn: string, ...schemes: readonly string[]) {
  const pattern = new RegExp(`^(?:${builtIn}|(?:${schemes.join('|')})://.+)$`);
  const forms = [builtIn, ...schemes.map((scheme) => `${scheme}://...`)];
  return z.string().regex(pattern, forms.join(' or ')).default(builtIn);
}

/** An address for fetch, which refuses one with a user in it, and shows the password where it does. */
export function receiver(expected: string) {
  return z.string().refine((given) => {
    const url = URL.parse(given);
    return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
  }, expected);
}

/** Apart from the address, so that a password can come from a variable of its own and is never printed with it. */
export function credentials(whose: string) {
  return {
    username: option(text().optional())`User name at ${whose}; overrides the one in the address.`,
    password: option(text().optional(), { isSecret: true })`
      Password at ${whose}; overrides the one in the address.`,
  };
}
