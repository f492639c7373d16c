/** One build of a store that others use as well: `node cache-worker.js FOLDER ROUND`. Prints the digest of its result. */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { FakeBuild } from './fake-build.js';

const [, , folder = '', round = ''] = process.argv;

/** Steps that are alike in all builds of a round; `slow` ones overlap. */
const text = `FROM scratch AS a
ARG ROUND
WORKDIR /r$ROUND
RUN slow f a
COPY file /
RUN slow g 1
FROM scratch AS b
ARG ROUND
WORKDIR /r$ROUND
RUN slow f b
FROM scratch
COPY --from=a / /a
COPY --from=b / /b
RUN slow h 1`;

const build = await FakeBuild.open(folder);
const lease = await build.store.lease();
try {
  const { content } = await build.build(text, {
    buildArgs: { ROUND: round },
    onRun: (command) => appendFileSync(join(folder, `ran-${round}`), `${process.pid} ${command}\n`),
  });
  process.stdout.write(`${content}\n`);
} finally {
  lease.release();
  await build.store.close();
}
