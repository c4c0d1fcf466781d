import type { DuckDBValueConverter, Json } from '@duckdb/node-api';
import { duckDbApi } from '../duckdb-package.ts';

export type { Json };

/**
 * Values as JSON has them, none of them changed: numbers that a double does not hold are texts of their own digits, as are
 * those that are no numbers; times and intervals are as DuckDB writes them, bytes are hexadecimal digits.
 */
export function jsonValues(): DuckDBValueConverter<Json> {
  const { DuckDBTypeId, JsonDuckDBValueConverter, DuckDBBlobValue, DuckDBDateValue } = duckDbApi();
  const convert: DuckDBValueConverter<Json> = (value, type) => {
    if (value === null) return null;
    switch (type.typeId) {
      case DuckDBTypeId.BIGINT:
      case DuckDBTypeId.UBIGINT:
      case DuckDBTypeId.HUGEINT:
      case DuckDBTypeId.UHUGEINT:
      case DuckDBTypeId.BIGNUM:
      case DuckDBTypeId.DECIMAL:
        return exact(String(value));
      case DuckDBTypeId.INTERVAL:
        return String(value);
      case DuckDBTypeId.DATE:
        return value instanceof DuckDBDateValue && !value.isFinite ? endless(value.days) : String(value);
      case DuckDBTypeId.BLOB:
        return value instanceof DuckDBBlobValue ? Buffer.from(value.bytes).toString('hex') : null;
      default:
        return JsonDuckDBValueConverter(value, type, convert);
    }
  };
  return convert;
}

/** Of times DuckDB writes it so itself. */
function endless(sign: number): string {
  return sign < 0 ? '-infinity' : 'infinity';
}

/** Digits that every double keeps. */
const EXACT_DIGITS = 15;

function exact(decimal: string): number | string {
  const number = Number(decimal);
  if (!decimal.includes('.') && Number.isSafeInteger(number)) return number;
  return decimal.replace(/^-?[0.]*/, '').replace('.', '').length <= EXACT_DIGITS ? number : decimal;
}
