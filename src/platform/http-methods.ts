/** The methods that the routes of a server have, for the answer to a request by another one. */
import type { FastifyInstance } from 'fastify';

type Routed = { readonly isOf: (path: string) => boolean; readonly methods: Set<string> };

export class RoutedMethods {
  readonly #byPath = new Map<string, Routed>();

  /** Knows the routes that are added from here on. */
  constructor(routes: FastifyInstance) {
    routes.addHook('onRoute', ({ url, method }) => {
      // The preflight requests of browsers are for any path.
      if (url === '*') return;
      const routed = this.#byPath.get(url) ?? { isOf: matcher(url), methods: new Set() };
      this.#byPath.set(url, routed);
      for (const each of [method].flat()) routed.methods.add(each);
    });
  }

  /** Methods of the routes that a URL may be of, in order of the alphabet. */
  of(url: string): readonly string[] {
    const [path = ''] = url.split('?', 1);
    const methods = [...this.#byPath.values()]
      .filter(({ isOf }) => isOf(path))
      .flatMap((each) => [...each.methods]);
    return [...new Set(methods)].sort();
  }
}

/** Matches what a path of Fastify stands for: `:name` is one segment, `*` at the end anything. */
function matcher(path: string): (path: string) => boolean {
  const segments = path.split('/');
  const isOpen = segments.at(-1) === '*';
  if (isOpen) segments.pop();
  return (tried) => {
    const given = tried.split('/');
    if (isOpen ? given.length <= segments.length : given.length !== segments.length) return false;
    return segments.every((each, index) => each === given[index] || each.startsWith(':'));
  };
}
