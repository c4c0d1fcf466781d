/** Sums over the rows of a node; `gradient` and `hessian` are derivatives of the loss by the score. */
export type Sums = { readonly gradient: number; readonly hessian: number; readonly rows: number };

/** What monotone columns above a node leave for its value. */
export type Bounds = { readonly least: number; readonly most: number };

export const UNBOUNDED: Bounds = { least: Number.NEGATIVE_INFINITY, most: Number.POSITIVE_INFINITY };

/** By its numbers: a copy in another thread is unbounded as well. */
export function isUnbounded({ least, most }: Bounds): boolean {
  return least === UNBOUNDED.least && most === UNBOUNDED.most;
}

/** The value that lowers the loss most, by its expansion to second order (Chen and Guestrin 2016, equation 5). */
export function leafValue(
  gradient: number,
  hessian: number,
  regularisation: number,
  least: number,
  most: number,
): number {
  const value = -gradient / (hessian + regularisation);
  if (value < least) return least;
  return value > most ? most : value;
}

/** Twice by how much `value` lowers the loss. */
export function loweringOf(gradient: number, hessian: number, regularisation: number, value: number): number {
  return -value * (2 * gradient + (hessian + regularisation) * value);
}
