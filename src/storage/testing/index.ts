/** What tests of rooms above share: a store on a server of tests, and faults between the two. */
export { type Fault, FaultyProxy } from './faulty-proxy.ts';
export { optionsAt, sharedFilesAt, sharedFilesIn, storeAt } from './s3.ts';
