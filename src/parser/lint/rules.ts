import { aptCacheMountEmptied } from './apt-cache-mount-emptied.js';
import { argBeforeUnrelatedRun } from './arg-before-unrelated-run.js';
import { automaticArgHidden } from './automatic-arg-hidden.js';
import { brokenJsonForm } from './broken-json-form.js';
import { cacheMountNotWritable } from './cache-mount-not-writable.js';
import { consistentInstructionCasing } from './consistent-instruction-casing.js';
import { copyBeforeInstall } from './copy-before-install.js';
import { duplicateStageName } from './duplicate-stage-name.js';
import { exposeInvalidFormat } from './expose-invalid-format.js';
import { exposeProtoCasing } from './expose-proto-casing.js';
import { fromAsCasing } from './from-as-casing.js';
import { fromPlatformFlagConstDisallowed } from './from-platform-flag-const-disallowed.js';
import { redundantTargetPlatform } from './redundant-target-platform.js';
import { undefinedArgInFrom } from './undefined-arg-in-from.js';
import { invalidDefaultArgInFrom } from './invalid-default-arg-in-from.js';
import { invalidDefinitionDescription } from './invalid-definition-description.js';
import { heredocWithoutErrexit } from './heredoc-without-errexit.js';
import { invisibleCharacters } from './invisible-characters.js';
import { jsonArgsRecommended } from './json-args-recommended.js';
import { legacyKeyValueFormat } from './legacy-key-value-format.js';
import { linkWithChmod } from './link-with-chmod.js';
import { maintainerDeprecated } from './maintainer-deprecated.js';
import { multipleInstructionsDisallowed } from './multiple-instructions-disallowed.js';
import { recursiveChangeInOwnLayer } from './recursive-change-in-own-layer.js';
import { reservedStageName } from './reserved-stage-name.js';
import type { Rule, RuleInfo } from './rule.js';
import { secretFileCopied } from './secret-file-copied.js';
import { secretsUsedInArgOrEnv } from './secrets-used-in-arg-or-env.js';
import { stageNameCasing } from './stage-name-casing.js';
import { syntaxTooOld } from './syntax-too-old.js';
import { unknownSyntax } from './unknown-syntax.js';
import { unusedArg } from './unused-arg.js';
import { unusedStage } from './unused-stage.js';
import { workdirRelativePath } from './workdir-relative-path.js';

/** Every rule that needs the text alone. */
export const rules: readonly Rule[] = [
  aptCacheMountEmptied,
  argBeforeUnrelatedRun,
  automaticArgHidden,
  brokenJsonForm,
  cacheMountNotWritable,
  consistentInstructionCasing,
  copyBeforeInstall,
  duplicateStageName,
  exposeInvalidFormat,
  exposeProtoCasing,
  fromAsCasing,
  fromPlatformFlagConstDisallowed,
  heredocWithoutErrexit,
  invalidDefaultArgInFrom,
  invalidDefinitionDescription,
  invisibleCharacters,
  jsonArgsRecommended,
  legacyKeyValueFormat,
  linkWithChmod,
  maintainerDeprecated,
  multipleInstructionsDisallowed,
  recursiveChangeInOwnLayer,
  redundantTargetPlatform,
  reservedStageName,
  secretFileCopied,
  secretsUsedInArgOrEnv,
  stageNameCasing,
  syntaxTooOld,
  undefinedArgInFrom,
  unknownSyntax,
  unusedArg,
  unusedStage,
  workdirRelativePath,
];

/** The parser sees it while it joins lines. */
const noEmptyContinuation: RuleInfo = {
  name: 'NoEmptyContinuation',
  description: 'Empty continuation lines will become errors in a future release',
};

/** Rules that need the values of variables, a base image or the build context: graph/lower and graph/lint find them. */
export const graphRules = {
  copyIgnoredFile: {
    name: 'CopyIgnoredFile',
    description: 'Attempting to Copy file that is excluded by .dockerignore',
  },
  copyPathCase: {
    name: 'CopyPathCase',
    description: 'The path of a COPY source should be written as in the build context',
  },
  copyWildcardNoMatch: {
    name: 'CopyWildcardNoMatch',
    description: 'A wildcard of COPY or ADD should match something',
  },
  invalidBaseImagePlatform: {
    name: 'InvalidBaseImagePlatform',
    description: 'Base image platform does not match expected target platform',
  },
  undefinedVar: { name: 'UndefinedVar', description: 'Variables should be defined before their use' },
} as const satisfies Readonly<Record<string, RuleInfo>>;

/** All rules by name. */
export const ruleInfos: ReadonlyMap<string, RuleInfo> = new Map(
  [...rules, noEmptyContinuation, ...Object.values(graphRules)]
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((rule) => [rule.name, rule]),
);

/** Where the project describes a rule: a path in its source. */
export function rulePage(name: string): string {
  return `docs/rules/${name}.md`;
}

export function isExperimental(name: string): boolean {
  return ruleInfos.get(name)?.experimental === true;
}
