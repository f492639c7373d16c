import { automaticArgHidden } from './automatic-arg-hidden.js';
import { brokenJsonForm } from './broken-json-form.js';
import { consistentInstructionCasing } from './consistent-instruction-casing.js';
import { duplicateStageName } from './duplicate-stage-name.js';
import { exposeInvalidFormat } from './expose-invalid-format.js';
import { exposeProtoCasing } from './expose-proto-casing.js';
import { fromAsCasing } from './from-as-casing.js';
import { fromPlatformFlagConstDisallowed } from './from-platform-flag-const-disallowed.js';
import { redundantTargetPlatform } from './redundant-target-platform.js';
import { undefinedArgInFrom } from './undefined-arg-in-from.js';
import { invalidDefaultArgInFrom } from './invalid-default-arg-in-from.js';
import { heredocWithoutErrexit } from './heredoc-without-errexit.js';
import { invisibleCharacters } from './invisible-characters.js';
import { jsonArgsRecommended } from './json-args-recommended.js';
import { legacyKeyValueFormat } from './legacy-key-value-format.js';
import { maintainerDeprecated } from './maintainer-deprecated.js';
import { multipleInstructionsDisallowed } from './multiple-instructions-disallowed.js';
import { reservedStageName } from './reserved-stage-name.js';
import type { Rule } from './rule.js';
import { secretsUsedInArgOrEnv } from './secrets-used-in-arg-or-env.js';
import { stageNameCasing } from './stage-name-casing.js';
import { workdirRelativePath } from './workdir-relative-path.js';

/** Every rule that needs the text alone. NoEmptyContinuation comes from the parser itself. */
export const rules: readonly Rule[] = [
  automaticArgHidden,
  brokenJsonForm,
  consistentInstructionCasing,
  duplicateStageName,
  exposeInvalidFormat,
  exposeProtoCasing,
  fromAsCasing,
  fromPlatformFlagConstDisallowed,
  heredocWithoutErrexit,
  invalidDefaultArgInFrom,
  invisibleCharacters,
  jsonArgsRecommended,
  legacyKeyValueFormat,
  maintainerDeprecated,
  multipleInstructionsDisallowed,
  redundantTargetPlatform,
  reservedStageName,
  secretsUsedInArgOrEnv,
  stageNameCasing,
  undefinedArgInFrom,
  workdirRelativePath,
];
