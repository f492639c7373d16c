/** Checks of image configs that others wrote (image-spec config.md and Docker's additions). */
import type { DiffID } from './digest.js';
import {
  booleanOf,
  integerOf,
  itemsOf,
  nameSetOf,
  optionalMembers,
  stringMapOf,
  stringOf,
  stringsOf,
  structOf,
  type JsonObject,
} from './json-guards.js';
import { parseStrictJson } from './strict-json.js';
import type {
  ContainerConfig,
  Descriptor,
  Healthcheck,
  HistoryEntry,
  ImageConfig,
  Manifest,
} from './types.js';
import { compressionOf } from './media-types.js';
import { digestAt } from './descriptor.js';
import { TsbuildError } from '../util/errors.js';

const maxLayers = 1000;
const maxHistory = 10_000;

const imageGuards = {
  created: stringOf,
  author: stringOf,
  variant: stringOf,
  'os.version': stringOf,
  'os.features': stringsOf,
  config: containerConfigOf,
};

/**
 * Reads an image config. Members that are not known are kept as they are, `null` members that are known count as
 * absent. Throws `image`.
 */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  const value = parseStrictJson(bytes, 'the image config');
  const known = [...Object.keys(imageGuards), 'architecture', 'os', 'rootfs', 'history'];
  const object = structOf(value, 'config', known);
  const history = object['history'] ?? undefined;
  return {
    ...unknownMembers(object, known),
    ...optionalMembers(object, 'config', imageGuards),
    architecture: stringOf(object['architecture'], 'config.architecture'),
    os: stringOf(object['os'], 'config.os'),
    rootfs: rootfsOf(object['rootfs']),
    ...(history === undefined ? {} : { history: historyOf(history) }),
  };
}

/**
 * Checks that a manifest is an image's and that its config lists one DiffID per layer. Throws `image`.
 * History is not checked: builders that squash write one that fits no layers (see oci/history).
 */
export function checkImage(manifest: Manifest, config: ImageConfig): void {
  const count = config.rootfs.diff_ids.length;
  if (manifest.layers.length !== count) {
    throw new TsbuildError(
      'image',
      `the manifest has ${manifest.layers.length} layers but the config lists ${count}`,
    );
  }
  manifest.layers.forEach(checkLayer);
}

function checkLayer(layer: Descriptor): void {
  if (compressionOf(layer.mediaType) !== undefined) return;
  throw new TsbuildError(
    'image',
    `layer ${layer.digest} has the unknown media type ${JSON.stringify(layer.mediaType)}`,
  );
}

function unknownMembers(object: JsonObject, known: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !known.includes(key)));
}

function rootfsOf(value: unknown): ImageConfig['rootfs'] {
  const object = structOf(value, 'config.rootfs', ['type', 'diff_ids']);
  if (object['type'] !== 'layers') throw new TsbuildError('image', 'config.rootfs.type is not "layers"');
  const where = 'config.rootfs.diff_ids';
  const items = itemsOf(object['diff_ids'] ?? [], where, maxLayers);
  return { type: 'layers', diff_ids: items.map((item, i) => digestAt(item, `${where}[${i}]`) as DiffID) };
}

const historyGuards = {
  created: stringOf,
  created_by: stringOf,
  author: stringOf,
  comment: stringOf,
  empty_layer: booleanOf,
};

function historyOf(value: unknown): readonly HistoryEntry[] {
  return itemsOf(value, 'config.history', maxHistory).map((item, i) => {
    const where = `config.history[${i}]`;
    return optionalMembers(structOf(item, where, Object.keys(historyGuards)), where, historyGuards);
  });
}

const containerGuards = {
  User: stringOf,
  ExposedPorts: nameSetOf,
  Env: stringsOf,
  Entrypoint: stringsOf,
  Cmd: stringsOf,
  Volumes: nameSetOf,
  WorkingDir: stringOf,
  Labels: stringMapOf,
  StopSignal: stringOf,
  ArgsEscaped: booleanOf,
  Healthcheck: healthcheckOf,
  Shell: stringsOf,
  OnBuild: stringsOf,
};

/** An Env entry without `=` is kept as it stands; nobody may complete it from another environment. */
function containerConfigOf(value: unknown, where: string): ContainerConfig {
  const known = Object.keys(containerGuards);
  const object = structOf(value, where, known);
  return { ...unknownMembers(object, known), ...optionalMembers(object, where, containerGuards) };
}

function healthcheckOf(value: unknown, where: string): Healthcheck {
  const guards = {
    Test: stringsOf,
    Interval: integerOf,
    Timeout: integerOf,
    StartPeriod: integerOf,
    StartInterval: integerOf,
    Retries: integerOf,
  };
  return optionalMembers(structOf(value, where, Object.keys(guards)), where, guards);
}
