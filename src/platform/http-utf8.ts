/**
 * What bodies and addresses consist of. Bytes that are no UTF-8 would be read as the same text as others, and two users be taken
 * for one. Compressed bodies are refused rather than inflated: a small one could fill the memory.
 */
import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { InputError } from './errors.ts';

/** Refuses bodies with MR_HTTP_BODY_INVALID and MR_HTTP_ENCODING, and addresses with MR_HTTP_BAD_URL. */
export function requireUtf8(routes: FastifyInstance): void {
  const parseJson = routes.getDefaultJsonParser('error', 'error');
  routes.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const { 'content-encoding': encoding = 'identity' } = request.headers;
    if (encoding !== 'identity') return done(compressed(encoding));
    if (isUtf8(body)) {
      const text = body.toString();
      return parseJson(request, text, (error, value) => {
        done(error !== null && isJson(text) ? forbiddenKey() : error, value);
      });
    }
    const error = new InputError('MR_HTTP_BODY_INVALID', 'The body of the request is not UTF-8.', {
      hint: 'Send JSON in UTF-8.',
    });
    return done(error);
  });
  routes.addHook('onRequest', async ({ raw: { url = '' } }) => {
    // Node reads other bytes than ASCII as Latin-1.
    if (/^[\x21-\x7e]*$/.test(url) && (!url.includes('%') || isDecodable(url))) return;
    throw new InputError('MR_HTTP_BAD_URL', 'The address of the request is not percent-encoded UTF-8.', {
      hint: 'Percent-encode it.',
    });
  });
}

/** The parser refuses text that is JSON because of its keys alone, and says the same of it as of what is not. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function forbiddenKey(): InputError {
  const problem = 'The request body has a key "__proto__", or "prototype" within "constructor".';
  return new InputError('MR_HTTP_BODY_INVALID', problem, { hint: 'Omit or rename it.' });
}

function compressed(encoding: string): InputError {
  return new InputError(
    'MR_HTTP_ENCODING',
    `The body has the content-encoding ${JSON.stringify(encoding)}.`,
    {
      hint: 'Send it as it is.',
    },
  );
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
