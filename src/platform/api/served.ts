/** What an HTTP server needs of this folder; loaded with the first server, because it loads zod. */
import { readFileSync } from 'node:fs';
import type { HttpServer } from '../http.ts';
import { openApi } from './document.ts';
import type { Operation } from './operation.ts';
import { docs, document, root } from './operations.ts';
import { documentPage } from './page.ts';

export { checkAnswers } from './check-answers.ts';
export { live, metrics, ready } from './operations.ts';
export { readRequest } from './read-request.ts';

/** The page needs nothing that is not in it, and says so to the browser. */
const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** Serves `/`, `/openapi.json` and `/docs`, of whatever operations there are when they are first requested. */
export function serveDocument(serve: HttpServer['serve'], operations: readonly Operation[]): void {
  const version = productVersion();
  let made: { readonly json: string; readonly page: string } | undefined;
  const current = () => {
    if (made !== undefined) return made;
    const described = openApi(operations, version);
    made = { json: JSON.stringify(described), page: documentPage(described) };
    return made;
  };
  serve(root, () => ({
    name: 'millrace' as const,
    version,
    links: { openapi: document.path, docs: docs.path, health: '/health/ready', metrics: '/metrics' },
  }));
  serve(document, ({ reply }) => reply.type('application/json').send(current().json));
  serve(docs, ({ reply }) =>
    reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', PAGE_POLICY)
      .send(current().page),
  );
}

/** As package.json has it; what is built has a copy at the same distance. */
export function productVersion(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
