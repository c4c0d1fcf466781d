import { join } from 'node:path';
import { errorCode } from '#platform';
import type { DataFiles, SharedFiles } from '#storage';
import { localArtifacts } from '../local/local-artifacts.ts';
import type { ArtifactStore } from '../port.ts';

/**
 * Versions in the folder `parent` of a data directory, and in the object store where the data directory has only copies of
 * them: then a version is there when the store has it, and one that is missing or damaged here is brought from there.
 */
export function artifactsIn({ dataDirectory, files }: DataFiles, parent: string): ArtifactStore {
  const local = localArtifacts(join(dataDirectory, parent));
  return files === undefined ? local : sharedArtifacts(local, files, parent);
}

function sharedArtifacts(local: ArtifactStore, files: SharedFiles, parent: string): ArtifactStore {
  const directoryOf = (version: string) => `${parent}/${version}`;
  return {
    write: async (description, contents) => {
      const version = await local.write(description, contents);
      await files.publish(directoryOf(version));
      return version;
    },
    open: async (version) => {
      // What can be no name of a version is refused before it is one of an object.
      if (!/^[0-9a-f]{16}$/.test(version)) return local.open(version);
      await files.bring(directoryOf(version));
      try {
        return await local.open(version);
      } catch (error) {
        if (errorCode(error) !== 'MR_VERSION_CORRUPT') throw error;
        await files.bring(directoryOf(version), { isDamaged: true });
        return local.open(version);
      }
    },
    list: async () => [...new Set([...(await files.names(parent)), ...(await local.list())])].sort(),
    stat: async (version) => {
      const stored = await files.stat(directoryOf(version));
      return stored.bytes > 0 ? stored : local.stat(version);
    },
    remove: async (version) => {
      await files.remove(directoryOf(version));
      await local.remove(version);
    },
  };
}
