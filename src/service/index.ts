/**
 * A process of Millrace, put together: an installation (a data directory with its log, or a log on Kafka) opened, and what
 * runs on it: processing, archive, views in Redis, responder, gateway and admin routes on one HTTP server, agents.
 *
 * It promises that whatever it starts ends with the shutdown it is given, in order, and that a second process on the same data
 * directory is refused or asks the first. It knows every room below; what a person types and reads is left to the commands (cli/).
 */
export { checkAccess, withLog } from './access.ts';
export { startAgents } from './agents.ts';
export { archiveOptions, startArchive } from './archive.ts';
export { archiveTarget } from './archive-target.ts';
export { askServer, serverAddress } from './ask-server.ts';
export { watchBackup } from './backup-age.ts';
export { CopiesInForce } from './copies-in-force.ts';
export {
  type Installation,
  type LogInstallation,
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
export { listedJobs } from './jobs/declared.ts';
export { type JobWorks, startJobs } from './jobs/start-jobs.ts';
export { newestRecords } from './newest-records.ts';
export { startNotifications } from './notifications.ts';
export { type OwnTopology, runOwnTopology } from './own-topology.ts';
export { type CarryOverNotes, catchUp, type Pipeline, type Processed, startPipeline } from './pipeline.ts';
export { lacksChoice, makePlan, type ShownPlan } from './planning/plan.ts';
export { requireFitForProduction } from './production.ts';
export { openInstalledVault } from './pseudonyms.ts';
export { readRecordFile, writeRecordFile } from './record-file.ts';
export { redisTarget } from './redis-target.ts';
export { type Repaired, repair } from './repair.ts';
export { responderOptions } from './responder-options.ts';
export { hasAllRoles, ROLES } from './roles/catalogue.ts';
export { type Composed, composeRoles } from './roles/compose.ts';
export { requireWhatRolesNeed } from './roles/requirements.ts';
export { ROLE_NAMES, type RoleName } from './roles/role.ts';
export type { TrainerRole } from './roles/trainer.ts';
export { fetchByCertificate } from './served-certificate.ts';
export { checkPort } from './server.ts';
export { requireTrainingFiles, snapshotModules, startTrainer } from './training.ts';
export { snapshotPlan, waitingOptions } from './training-plans.ts';
export type { Finding } from './verification/finding.ts';
export { verifiedTopologies, verifyDerived } from './verification/verify-derived.ts';
export { openViewsInRedis, type ViewsInRedis } from './views.ts';
export { isSimulated, type MadeWorld, makeWorld, planWorld } from './world.ts';
