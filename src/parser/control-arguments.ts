/** Build arguments that steer the builder; they are never variables of a step unless an ARG declares them. */
export const controlArguments: readonly string[] = [
  'BUILDKIT_INLINE_CACHE',
  'BUILDKIT_CACHE_MOUNT_NS',
  'BUILDKIT_CONTEXT_KEEP_GIT_DIR',
  'BUILDKIT_MULTI_PLATFORM',
  'BUILDKIT_SANDBOX_HOSTNAME',
  'BUILDKIT_SYNTAX',
  'BUILDKIT_DOCKERFILE_CHECK',
  'BUILDKIT_BUILD_NAME',
  'SOURCE_DATE_EPOCH',
];
