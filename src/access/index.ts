/**
 * Who calls the HTTP API: the credentials (JSON web tokens of an issuer, API keys of services, the operator's token, signatures
 * of peers), the rights that they carry, and how much each caller may ask.
 *
 * It promises that a token is believed only with a signature of one of the issuer's keys, by an algorithm for public keys;
 * that a verified token is remembered for no longer than it is valid and its key published; and that API keys are on the log
 * as hashes, so that a revocation reaches every process. Which right a route requires is the route's to declare
 * (operations.ts of its room), and `#platform` enforces it. The packages jose and @fastify/rate-limit stay behind this door.
 */
export { type Grant, grantOf } from './grants.ts';
export { createApiKey, type ListedApiKey, listApiKeys, revokeApiKey } from './manage-api-keys.ts';
export {
  type AccessOptions,
  type ConfiguredSecrets,
  type OpenedAccess,
  openAccess,
  requireProtection,
} from './open-access.ts';
