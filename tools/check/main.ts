/**
 * `npm run check`: the compiler, the linters and the house rules. One line a finding (`file:line rule: message`),
 * one line of summary; exit code 1 when there is any finding.
 */
import { join } from 'node:path';
import { errorCatalogue } from '../generate/error-catalogue.ts';
import { generatedFiles } from '../generate/outputs.ts';
import { checkCircles } from './circles.ts';
import { checkConstants } from './constants.ts';
import { checkDependencies } from './dependencies.ts';
import { checkDeterminism } from './determinism.ts';
import { checkDocuments } from './documents.ts';
import { checkErrorCodes } from './error-codes.ts';
import { checkGenerated } from './generated.ts';
import { checkOrder } from './order.ts';
import { runPrograms } from './programs.ts';
import { type Finding, readRepository } from './repository.ts';
import { checkRooms } from './rooms.ts';
import { checkTemplates } from './templates.ts';
import { checkUses } from './uses.ts';

const root = join(import.meta.dirname, '../..');
const programs = runPrograms(root);

const repository = readRepository(root);
const findings: Finding[] = [
  ...checkRooms(repository),
  ...checkOrder(repository),
  ...checkCircles(repository),
  ...checkUses(repository),
  ...checkConstants(repository),
  ...checkTemplates(repository),
  ...checkDependencies(repository),
  ...checkDeterminism(repository),
  ...checkErrorCodes(repository, errorCatalogue),
  ...checkGenerated(repository, generatedFiles(root)),
  ...checkDocuments(repository),
  ...(await programs),
];

for (const { path, line, rule, message } of findings) console.log(`${path}:${line} ${rule}: ${message}`);
console.log(
  findings.length === 0
    ? `${repository.files.length} files: types, lint and house rules hold`
    : `${findings.length} findings in ${new Set(findings.map(({ path }) => path)).size} files`,
);
process.exitCode = findings.length === 0 ? 0 : 1;
