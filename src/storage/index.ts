/**
 * Where files are kept that outlive a machine, and that several machines need: named objects, written once. The port is an
 * object store (port.ts); its adapters are a folder and S3 with everything that speaks as it does.
 *
 * It promises that an object is there whole or not at all, that one that is there is never replaced, that what passes is
 * tried again with a limit, and that shared files are held against their SHA-256 whenever they come from the store; the
 * data directory then has copies of them, within a bound. What is in the files, when they are written and when they may go
 * is left to others.
 */
export { folderStore } from './folder/folder-store.ts';
export { isObjectStore, openObjectStore, openSharedFiles } from './open-storage.ts';
export type { StorageConfiguration } from './options.ts';
export type { Content, ListedObject, ObjectStore } from './port.ts';
export type { DataFiles, PublishedFile, SharedFiles } from './shared/shared-files.ts';
