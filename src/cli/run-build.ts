import { parseOutputs } from './build-outputs.js';
import type { BuildRequest } from './build-request.js';
import type { CliContext } from './context.js';
import { finishBuild } from './finish-build.js';
import { progressRenderer } from './progress-output.js';
import { refuseUnsupported } from './unsupported-build.js';
import { withBuild } from './with-build.js';

/** Builds what a request asks for; resolves to the exit code. */
export async function runBuild(request: BuildRequest, context: CliContext): Promise<number> {
  refuseUnsupported(request);
  const outputs = parseOutputs(request, context);
  const renderer = progressRenderer(
    { kind: request.quiet ? 'quiet' : request.progress, pushed: outputs.pushes },
    context,
  );
  const { build } = await import('../build/build.js');
  try {
    await withBuild({ request, context, emit: (event) => renderer.emit(event) }, async (setting) => {
      const { input, tools, started } = setting;
      const result = await build(input, tools);
      try {
        await finishBuild(result, { ...tools, request, outputs, context, started });
      } finally {
        await result.dispose();
      }
    });
    return 0;
  } finally {
    renderer.end();
  }
}
