import { defineCommand } from '../define-command.js';
import { formatOption, isJson } from '../format-option.js';
import { withProbeFolder } from '../in-namespace.js';

export const doctor = defineCommand({
  name: 'doctor',
  summary: 'Say how RUN steps can be isolated on this machine, and what would allow more',
  positionals: '',
  arity: [0, 0],
  options: { format: formatOption },
  epilogue: 'The exit code is 0 when RUN steps can run in any way, and 6 otherwise.',
  async run({ options }, context) {
    const [{ diagnose }, { doctorJson, doctorText }] = await Promise.all([
      import('../../executor/diagnose.js'),
      import('../doctor-text.js'),
    ]);
    const diagnosis = await diagnose((use) => withProbeFolder(context, use));
    context.stdout.write(isJson(options.format) ? doctorJson(diagnosis) : doctorText(diagnosis));
    return diagnosis.mode === 'none' ? 6 : 0;
  },
});
