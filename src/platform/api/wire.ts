/** Values that are text on the wire, in paths and queries. */
import { z } from 'zod';

/** A whole number of decimal digits. The document shows it as the number that it stands for. */
export function wholeNumber({ min, max }: { readonly min: number; readonly max: number }) {
  return z
    .string()
    .regex(/^\d{1,16}$/)
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .meta({ wire: { type: 'integer', minimum: min, maximum: max } });
}
