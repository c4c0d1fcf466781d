/** The error codes of the Avro codecs. */
import { type CodesOf, fixInput, retry } from '#platform';

export const AVRO_ERRORS = {
  MR_AVRO_DECODE: fixInput`Bytes are not a value of the schema that they name.
    Correct their producer; the record itself is in the dead letters.`,
  MR_AVRO_ENCODE: fixInput`A value does not fit its schema.
    Correct the field that the message names.`,
  MR_SCHEMA_INCOMPATIBLE: fixInput`A schema cannot read what an older one wrote.
    Give added fields a default and keep the types of the others, or use another subject.`,
  MR_SCHEMA_INVALID: fixInput`A schema is not Avro.
    Correct it by the Avro specification.`,
  MR_SCHEMA_NOT_LOADED: retry`The schema that wrote a value was not fetched yet.
    Fetch it from the registry and decode again.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof AVRO_ERRORS> {}
}
