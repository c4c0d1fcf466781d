/** Preloaded into a process and its threads: the wall clock starts from one fixed time in each process. */
const WINTER_MS = Date.UTC(2025, 0, 15, 18, 30);

Date.now = () => WINTER_MS + Math.floor(process.uptime() * 1_000);
