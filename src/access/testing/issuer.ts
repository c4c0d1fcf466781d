import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';

export type SigningKey = {
  readonly alg: string;
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly jwk: JWK;
};

export async function signingKey(alg: string, kid: string): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { alg, kid, privateKey, publicKey, jwk: { ...(await exportJWK(publicKey)), alg, kid, use: 'sig' } };
}

type Wanted = { readonly key?: SigningKey; readonly header?: Record<string, unknown> };

/** Signs tokens, and publishes its public keys at an address. */
export class Issuer {
  readonly name = 'https://issuer.example';
  readonly audience = 'millrace';
  readonly address: string;
  /** Published, the first of which signs. */
  keys: readonly SigningKey[];
  /** Whether requests for the keys fail. */
  isAway = false;
  /** Requests for the keys. */
  asked = 0;
  readonly #now: () => number;

  private constructor(address: string, keys: readonly SigningKey[], now: () => number) {
    this.address = address;
    this.keys = keys;
    this.#now = now;
  }

  static async open(t: TestContext, now: () => number, keys?: readonly SigningKey[]): Promise<Issuer> {
    const server = createServer((_, response) => {
      issuer.asked++;
      response.writeHead(issuer.isAway ? 500 : 200, { 'content-type': 'application/json' });
      response.end(issuer.published);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const issuer = new Issuer(
      `http://127.0.0.1:${port}/keys`,
      keys ?? [await signingKey('ES256', 'first')],
      now,
    );
    return issuer;
  }

  get published(): string {
    return JSON.stringify({ keys: this.keys.map(({ jwk }) => jwk) });
  }

  /** A token for ten minutes, with claims changed. */
  async sign(claims: JWTPayload, { key = this.keys[0], header = {} }: Wanted = {}): Promise<string> {
    return signed({ ...this.#claims, ...claims }, key, header);
  }

  /** A token without a claim that it should have. */
  async signWithout(claim: 'aud' | 'exp' | 'sub'): Promise<string> {
    const { [claim]: _, ...claims } = this.#claims;
    return signed(claims, this.keys[0]);
  }

  get #claims() {
    const now = Math.floor(this.#now() / 1_000);
    return { iss: this.name, aud: this.audience, sub: 'u1', iat: now, exp: now + 600 };
  }

  /** Options by which a server accepts its tokens. */
  get flags(): Readonly<Record<string, string>> {
    return { 'jwt.issuer': this.name, 'jwt.audience': this.audience, 'jwt.jwks': this.address };
  }
}

async function signed(
  claims: JWTPayload,
  key: SigningKey | undefined,
  header: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  if (key === undefined) throw new Error('the issuer has no key');
  const { alg, kid, privateKey } = key;
  return new SignJWT(claims).setProtectedHeader({ alg, kid, ...header }).sign(privateKey);
}
