import { join } from 'node:path';
import { temporaryDirectory } from '#platform/testing';
import { objectStoreContract } from '../contract.ts';
import { folderStore } from './folder-store.ts';

objectStoreContract('folder', async (t) => folderStore(join(temporaryDirectory(t), 'objects')));
