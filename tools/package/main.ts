/** `npm run build`, and `npm pack` before it packs: see release.ts. */
import { join } from 'node:path';
import { buildRelease } from './release.ts';

buildRelease(join(import.meta.dirname, '../..'));
