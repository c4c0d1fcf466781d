/** For tests: an issuer of tokens, and servers that ask for them. */
export { Issuer, type SigningKey, signingKey } from './issuer.ts';
export { type Served, type ServedOptions, servedKeys, serveOperations } from './serve-operations.ts';
