/**
 * A process of Millrace, put together: an installation (a data directory with its log, or a log on Kafka) opened, and what
 * runs on it: processing, archive, views in Redis, responder, gateway and admin routes on one HTTP server, agents.
 *
 * It promises that whatever it starts ends with the shutdown it is given, in order, and that a second process on the same data
 * directory is refused or asks the first. It knows every room below; what a person types and reads is left to the commands (cli/).
 */
export { startAgents } from './agents.ts';
export { archiveOptions, startArchive } from './archive.ts';
export { archiveTarget } from './archive-target.ts';
export { askServer, serverAddress } from './ask-server.ts';
export { cleanPeriodically } from './cleaning.ts';
export { optionsThatDiffer } from './deciding-options.ts';
export {
  type Installation,
  logDirectory,
  openExistingInstallation,
  openInstallation,
  openLogInstallation,
  requireData,
  withInstallation,
  withoutUser,
} from './installation.ts';
export {
  Interrupted,
  runUntilShutdown,
  throwIfInterrupted,
  unlessInterrupted,
  withShutdown,
} from './interruption.ts';
export { newestRecords } from './newest-records.ts';
export { startNotifications } from './notifications.ts';
export { type OwnTopology, runOwnTopology } from './own-topology.ts';
export { type CarryOverNotes, catchUp, type Pipeline, startPipeline } from './pipeline.ts';
export { readRecordFile, writeRecordFile } from './record-file.ts';
export { redisTarget } from './redis-target.ts';
export { responderOptions } from './responder-options.ts';
export { checkPort, serve } from './server.ts';
export { verifiedFiles } from './verified-files.ts';
export { openViewsInRedis, type ViewsInRedis } from './views.ts';
export { isSimulated, type MadeWorld, makeWorld } from './world.ts';
