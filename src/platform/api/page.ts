/** The OpenAPI document as one page: no script, and nothing from another host. */
import type { DocumentedOperation, OpenApi, Parameter } from './document.ts';
import type { JsonSchema } from './json-schema.ts';

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
h2{margin-top:3rem;border-bottom:1px solid #ccc}h3{margin-top:2.5rem}code,pre{font:14px/1.4 ui-monospace,monospace}
pre{background:#f4f4f4;padding:.8rem;overflow:auto}table{border-collapse:collapse}td,th{text-align:left;padding:.2rem .8rem .2rem 0;vertical-align:top}
summary{cursor:pointer}.method{font-weight:700;margin-right:.6rem}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}pre{background:#242424}a{color:#8bf}}`;

export function documentPage(document: OpenApi): string {
  const { info, paths, components } = document;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, each]) => ({ path, method: method.toUpperCase(), each })),
  );
  const tags = [...new Set(operations.flatMap(({ each }) => each.tags))].sort();
  const sections = tags.map((tag) => {
    const shown = operations.filter(({ each }) => each.tags.includes(tag));
    return `<h2>${text(tag)}</h2>\n${shown.map(({ path, method, each }) => section(method, path, each)).join('\n')}`;
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${text(info.title)} ${text(info.version)}</title><style>${STYLE}</style></head><body>
<h1>${text(info.title)} ${text(info.version)}</h1>
<p>${text(info.description)} The same for programs: <a href="/openapi.json">/openapi.json</a>.</p>
<ul>${operations.map(({ method, path, each }) => `<li><a href="#${text(each.operationId)}">${method} ${text(path)}</a> ${text(each.summary)}</li>`).join('\n')}</ul>
${sections.join('\n')}
<h2>Schemas</h2>
${Object.entries(components.schemas as JsonSchema)
  .map(([name, schema]) => `<h3 id="schema-${text(name)}">${text(name)}</h3>${json(schema)}`)
  .join('\n')}
<h2>Codes</h2>
<table>${codesIn(operations.map(({ each }) => each))
    .map(
      ([code, ids]) =>
        `<tr id="${code}"><td><code>${code}</code></td><td>${ids.map(link).join(', ')}</td></tr>`,
    )
    .join('\n')}</table>
</body></html>
`;
}

function section(method: string, path: string, each: DocumentedOperation): string {
  const { operationId, summary, description, parameters = [], requestBody, responses, security } = each;
  const bodies = Object.entries(requestBody?.content ?? {});
  return `<h3 id="${text(operationId)}"><span class="method">${method}</span><code>${text(path)}</code></h3>
<p>${text(summary)}${description === undefined ? '' : ` ${text(description)}`}${security === undefined ? ' Public.' : ` Requires the right <code>${text(rightOf(security))}</code>.`}</p>
${parameters.length === 0 ? '' : `<table>${parameters.map(parameter).join('\n')}</table>`}
${bodies.map(([type, { schema, example }]) => `<p>Body, ${text(type)}:</p>${example === undefined ? '' : json(example)}${folded('Schema', schema)}`).join('')}
${Object.entries(responses)
  .map(([status, response]) => {
    if ('$ref' in response) return '';
    const [type = '', content] = Object.entries(response.content)[0] ?? [];
    const shown = content?.example === undefined ? '' : json(content.example);
    const form = type === 'application/json' ? folded('Schema', content?.schema) : '';
    return `<p><b>${text(status)}</b> ${text(response.description)}</p>${shown}${form}`;
  })
  .join('\n')}`;
}

function rightOf(security: NonNullable<DocumentedOperation['security']>): string {
  return security.flatMap((schemes) => Object.values(schemes).flat()).join(', ');
}

function parameter({ name, in: where, required, description = '', schema, example }: Parameter): string {
  const shown = example === undefined ? '' : ` Example: ${String(example)}.`;
  const form = `${where}${required ? ', required' : ''}`;
  return `<tr><td><code>${text(name)}</code></td><td>${form}</td><td>${text(description + shown)} <code>${text(JSON.stringify(schema))}</code></td></tr>`;
}

/** The codes of refusals that routes have, and the operations that refuse with them. */
function codesIn(operations: readonly DocumentedOperation[]): [code: string, operationIds: string[]][] {
  const found = new Map<string, string[]>();
  for (const { operationId, responses } of operations) {
    for (const response of Object.values(responses)) {
      const codes = 'description' in response ? (response.description.match(/\bMR_[A-Z0-9_]+/g) ?? []) : [];
      for (const code of codes) found.set(code, [...(found.get(code) ?? []), operationId]);
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
}

function link(id: string): string {
  return `<a href="#${text(id)}">${text(id)}</a>`;
}

function folded(title: string, schema: unknown): string {
  return `<details><summary>${title}</summary>${json(schema)}</details>`;
}

function json(value: unknown): string {
  return `<pre>${text(JSON.stringify(value, null, 2))}</pre>`;
}

function text(value: string): string {
  const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return value.replace(/[&<>"]/g, (sign) => escapes[sign] ?? sign);
}
