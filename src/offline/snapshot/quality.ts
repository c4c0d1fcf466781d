import type { ColumnQuality } from '#schemas';
import { categoryStabilityIndex, kolmogorovSmirnov, stabilityIndex } from './distribution.ts';
import type { ColumnStatistics } from './statistics.ts';

/** Beyond these a snapshot is suspect. */
export type QualityLimits = {
  /** Population stability index of a column against the compared snapshot. */
  readonly maxPsi: number;
  /** Kolmogorov-Smirnov statistic of a column of numbers against the compared snapshot. */
  readonly maxKs: number;
  /** By how much the share of missing values may be above that of the compared snapshot. */
  readonly maxMissingIncrease: number;
};

export const defaultLimits: QualityLimits = { maxPsi: 0.25, maxKs: 0.25, maxMissingIncrease: 0.1 };

export type Quality = { readonly columns: ColumnQuality[]; readonly suspect: string[] };

/** With fewer values than this in either snapshot, chance alone moves a distribution as far as the limits. */
const FEWEST_COMPARED = 500;

/** What is said of the columns of a snapshot, beside those of the one that it is compared with, where there is one. */
export function judgeQuality(
  statistics: readonly ColumnStatistics[],
  compared: readonly ColumnStatistics[] | undefined,
  limits: QualityLimits,
): Quality {
  const before = new Map(compared?.map((column) => [column.name, column]));
  const judged = statistics.map((column) => judgeColumn(column, before.get(column.name), limits));
  return {
    columns: judged.map(({ quality }) => quality),
    suspect: judged.flatMap(({ quality, reasons }) => reasons.map((reason) => `${quality.name}: ${reason}`)),
  };
}

function judgeColumn(
  column: ColumnStatistics,
  last: ColumnStatistics | undefined,
  limits: QualityLimits,
): { quality: ColumnQuality; reasons: string[] } {
  const { name, rows, missing, notFinite } = column;
  const drift = last === undefined ? { psi: null, ks: null } : driftOf(last, column);
  const share = missingShare(column);
  const quality: ColumnQuality = {
    name,
    missing: rows === 0 ? 0 : missing / rows,
    distinct: distinctOf(column),
    min: 'all' in column ? column.all.min : null,
    max: 'all' in column ? column.all.max : null,
    mean: 'all' in column ? column.all.mean : null,
    ...drift,
  };
  const reasons: string[] = [];
  if (notFinite > 0) reasons.push(`${notFinite} of ${rows} values are not finite numbers`);
  if (last === undefined) return { quality, reasons };
  const { psi, ks } = drift;
  const above = (what: string, value: number | null, limit: number) => {
    if (value !== null && value > limit) reasons.push(`${what} ${value.toFixed(3)} is above ${limit}`);
  };
  above('PSI', psi, limits.maxPsi);
  above('KS', ks, limits.maxKs);
  if (isEnough(rows, last.rows)) {
    const increase = share - missingShare(last);
    if (increase > limits.maxMissingIncrease) {
      reasons.push(`${percent(share)} of the values are missing, ${percent(missingShare(last))} were`);
    }
    if (isConstant(column) && !isConstant(last) && distinctOf(last) > 1) {
      reasons.push('all values are the same, which they were not');
    }
  }
  return { quality, reasons };
}

function driftOf(
  last: ColumnStatistics,
  now: ColumnStatistics,
): { readonly psi: number | null; readonly ks: number | null } {
  const none = { psi: null, ks: null };
  if (last.kind === 'id' || now.kind === 'id') return none;
  if (!isEnough(last.distribution.count, now.distribution.count)) return none;
  if (last.kind === 'category' && now.kind === 'category') {
    return { psi: categoryStabilityIndex(last.distribution, now.distribution), ks: null };
  }
  if (last.kind === 'category' || now.kind === 'category') return none;
  return {
    psi: stabilityIndex(last.distribution, now.distribution),
    ks: kolmogorovSmirnov(last.distribution, now.distribution),
  };
}

const isEnough = (before: number, now: number) => before >= FEWEST_COMPARED && now >= FEWEST_COMPARED;

function distinctOf(column: ColumnStatistics): number {
  return 'all' in column ? column.all.distinct : column.distinct;
}

function isConstant(column: ColumnStatistics): boolean {
  return distinctOf(column) === 1;
}

/** A number that is none counts as missing: nothing can be done with it. */
function missingShare({ rows, missing, notFinite }: ColumnStatistics): number {
  return rows === 0 ? 0 : (missing + notFinite) / rows;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}
