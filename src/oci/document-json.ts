/**
 * Members of manifests, indexes, descriptors and configs in the order in which Go's types declare them (image-spec
 * specs-go/v1; moby's additions last), so that documents look to people as those of other tools do.
 */
const order = [
  'schemaVersion',
  'mediaType',
  'digest',
  'size',
  'urls',
  'created',
  'created_by',
  'author',
  'comment',
  'empty_layer',
  'architecture',
  'variant',
  'os',
  'os.version',
  'os.features',
  'type',
  'diff_ids',
  'config',
  'layers',
  'manifests',
  'subject',
  'annotations',
  'data',
  'platform',
  'artifactType',
  'rootfs',
  'history',
  'User',
  'ExposedPorts',
  'Env',
  'Entrypoint',
  'Cmd',
  'Volumes',
  'WorkingDir',
  'Labels',
  'StopSignal',
  'ArgsEscaped',
  'Healthcheck',
  'Shell',
  'OnBuild',
  'Test',
  'Interval',
  'Timeout',
  'StartPeriod',
  'StartInterval',
  'Retries',
];
const ranks = new Map(order.map((name, rank) => [name, rank]));

/** Members whose value is a map with names of any kind. */
const maps = new Set(['Labels', 'annotations', 'ExposedPorts', 'Volumes']);

/**
 * The text of an image document without blanks: known members in the order of Go's types, then others and the members
 * of maps by code unit. Equal values give equal bytes. Members that are undefined are left out.
 */
export function documentJson(value: unknown): string {
  return JSON.stringify(ordered(value, false));
}

function ordered(value: unknown, isMap: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => ordered(item, false));
  if (value === null || typeof value !== 'object') return value;
  const result = Object.create(null) as Record<string, unknown>;
  const rank = (name: string) => (isMap ? 0 : (ranks.get(name) ?? order.length));
  const entries = Object.entries(value).sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1));
  for (const [name, member] of entries) {
    if (member !== undefined) result[name] = ordered(member, maps.has(name) && !isMap);
  }
  return result;
}
