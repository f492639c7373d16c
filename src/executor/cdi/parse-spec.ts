import {
  countOf,
  integerOf,
  isJsonObject,
  itemsOf,
  optionalMembers,
  stringMapOf,
  stringOf,
  stringsOf,
  type Guard,
  type JsonObject,
} from '../../oci/json-guards.js';
import { TsbuildError } from '../../util/errors.js';
import { isDeviceName, isKind } from './names.js';
import type { CdiDevice, CdiDeviceNode, CdiEdits, CdiMount, CdiSpec } from './types.js';

/**
 * The devices of a CDI spec that was read as JSON or YAML. As in other readers of CDI a member that is not known makes
 * the whole spec invalid: what a device needs must not be left out unseen. Throws `image` that says what is wrong.
 */
export function parseCdiSpec(document: unknown): readonly CdiDevice[] {
  const top = membersOf(document, 'the spec', [
    'cdiVersion',
    'kind',
    'annotations',
    'devices',
    'containerEdits',
  ]);
  const version = stringOf(top['cdiVersion'], 'cdiVersion');
  if (!/^v?[01]\.\d+\.\d+$/.test(version)) throw wrong(`cdiVersion ${JSON.stringify(version)} is not known`);
  const kind = stringOf(top['kind'], 'kind');
  if (!isKind(kind)) throw wrong(`kind ${JSON.stringify(kind)} is not of the form vendor.com/class`);
  const spec: CdiSpec = { kind, edits: editsOf(top['containerEdits'], 'containerEdits') };
  const annotations = annotationsOf(top, 'annotations');
  const devices = itemsOf(top['devices'], 'devices', mostItems).map((device, index) =>
    deviceOf(device, `devices[${index}]`, { spec, annotations }),
  );
  if (devices.length === 0) throw wrong('it has no devices');
  if (new Set(devices.map(({ name }) => name)).size < devices.length) throw wrong('it has a device twice');
  return devices;
}

const mostItems = 10_000;

function deviceOf(
  value: unknown,
  where: string,
  { spec, annotations }: Pick<CdiDevice, 'spec' | 'annotations'>,
): CdiDevice {
  const device = membersOf(value, where, ['name', 'annotations', 'containerEdits']);
  // YAML has numbers where somebody numbers devices.
  const given = device['name'];
  const name = stringOf(typeof given === 'number' ? `${given}` : given, `${where}.name`);
  if (!isDeviceName(name)) throw wrong(`${where}.name ${JSON.stringify(name)} is no name of a device`);
  return {
    name: `${spec.kind}=${name}`,
    spec,
    edits: editsOf(device['containerEdits'], `${where}.containerEdits`),
    annotations: { ...annotations, ...annotationsOf(device, `${where}.annotations`) },
  };
}

function annotationsOf(object: JsonObject, where: string): Readonly<Record<string, string>> {
  return stringMapOf(object['annotations'] ?? {}, where);
}

const editMembers = ['env', 'deviceNodes', 'netDevices', 'mounts', 'intelRdt', 'additionalGids', 'hooks'];

function editsOf(value: unknown, where: string): CdiEdits {
  const edits = membersOf(value ?? {}, where, editMembers);
  const list = <T>(name: string, read: Guard<T>): readonly T[] =>
    itemsOf(edits[name] ?? [], `${where}.${name}`, mostItems).map((item, index) =>
      read(item, `${where}.${name}[${index}]`),
    );
  return {
    env: list('env', variableOf),
    deviceNodes: list('deviceNodes', deviceNodeOf),
    mounts: list('mounts', mountOf),
    additionalGids: list('additionalGids', idOf).filter((gid) => gid !== 0),
    hooks: list('hooks', hookOf),
    netDevices: list('netDevices', netDeviceOf),
    intelRdt: isJsonObject(edits['intelRdt']),
  };
}

function variableOf(value: unknown, where: string): string {
  const text = stringOf(value, where);
  if (text.indexOf('=') > 0) return text;
  throw wrong(`${where} is not NAME=value`);
}

const nodeMembers = [
  'path',
  'hostPath',
  'type',
  'major',
  'minor',
  'fileMode',
  'permissions',
  'uid',
  'gid',
] as const;

function deviceNodeOf(value: unknown, where: string): CdiDeviceNode {
  const node = membersOf(value, where, nodeMembers);
  const path = pathOf(node['path'], `${where}.path`);
  const rest = optionalMembers<Omit<CdiDeviceNode, 'path'>>(node, where, {
    hostPath: pathOf,
    type: typeOf,
    major: countOf,
    minor: countOf,
    fileMode: countOf,
    permissions: permissionsOf,
    uid: idOf,
    gid: idOf,
  });
  return { ...rest, path, hostPath: rest.hostPath ?? path };
}

function typeOf(value: unknown, where: string): CdiDeviceNode['type'] {
  if (value === '') return undefined;
  if (value === 'b' || value === 'c' || value === 'u' || value === 'p') return value;
  throw wrong(`${where} is none of b, c, u and p`);
}

function permissionsOf(value: unknown, where: string): string | undefined {
  const text = stringOf(value, where);
  if (text === '') return undefined;
  if (/^[rwm]+$/.test(text) || text === 'none') return text;
  throw wrong(`${where} is not made of r, w and m`);
}

function mountOf(value: unknown, where: string): CdiMount {
  const mount = membersOf(value, where, ['hostPath', 'containerPath', 'options', 'type']);
  return {
    hostPath: pathOf(mount['hostPath'], `${where}.hostPath`),
    containerPath: pathOf(mount['containerPath'], `${where}.containerPath`),
    options: stringsOf(mount['options'] ?? [], `${where}.options`),
    type: stringOf(mount['type'] ?? '', `${where}.type`),
  };
}

function hookOf(value: unknown, where: string): string {
  const hook = membersOf(value, where, ['hookName', 'path', 'args', 'env', 'timeout']);
  return `${stringOf(hook['hookName'], `${where}.hookName`)} ${stringOf(hook['path'], `${where}.path`)}`;
}

function netDeviceOf(value: unknown, where: string): string {
  const device = membersOf(value, where, ['hostInterfaceName', 'name']);
  return stringOf(device['hostInterfaceName'], `${where}.hostInterfaceName`);
}

function pathOf(value: unknown, where: string): string {
  const path = stringOf(value, where);
  if (path.startsWith('/')) return path;
  throw wrong(`${where} is not an absolute path`);
}

function idOf(value: unknown, where: string): number {
  const id = integerOf(value, where);
  if (id >= 0 && id < 2 ** 32 - 1) return id;
  throw wrong(`${where} is not an id from 0 to 4294967294`);
}

function membersOf(value: unknown, where: string, known: readonly string[]): JsonObject {
  if (!isJsonObject(value)) throw wrong(`${where} is not an object`);
  const other = Object.keys(value).find((name) => !known.includes(name));
  if (other !== undefined) throw wrong(`${where} has a member ${JSON.stringify(other)} that is not known`);
  return value;
}

function wrong(problem: string): TsbuildError {
  return new TsbuildError('image', problem);
}
