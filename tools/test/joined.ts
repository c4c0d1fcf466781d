/**
 * Several test files in one process: half of what a small file costs is the start of its process and the compiling of
 * what it imports. Node's runner reports each test under the file that declares it.
 */
import { pathToFileURL } from 'node:url';

for (const file of process.argv.slice(2)) await import(pathToFileURL(file).href);
