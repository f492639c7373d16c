import type { Command } from './command.js';

/** The commands by name, each loaded when it is used. `cache du` is one name. */
export const commandLoaders = {
  build: async () => (await import('./commands/build.js')).build,
  plan: async () => (await import('./commands/plan.js')).plan,
  explain: async () => (await import('./commands/explain.js')).explain,
  run: async () => (await import('./commands/run.js')).run,
  push: async () => (await import('./commands/push.js')).push,
  login: async () => (await import('./commands/login.js')).login,
  logout: async () => (await import('./commands/logout.js')).logout,
  pull: async () => (await import('./commands/pull.js')).pull,
  copy: async () => (await import('./commands/copy.js')).copy,
  tags: async () => (await import('./commands/tags.js')).tags,
  referrers: async () => (await import('./commands/referrers.js')).referrers,
  'manifest create': async () => (await import('./commands/manifest-create.js')).manifestCreate,
  'manifest annotate': async () => (await import('./commands/manifest-annotate.js')).manifestAnnotate,
  'manifest push': async () => (await import('./commands/manifest-push.js')).manifestPush,
  'manifest inspect': async () => (await import('./commands/manifest-inspect.js')).manifestInspect,
  'manifest rm': async () => (await import('./commands/manifest-rm.js')).manifestRm,
  images: async () => (await import('./commands/images.js')).images,
  tag: async () => (await import('./commands/tag.js')).tag,
  rmi: async () => (await import('./commands/rmi.js')).rmi,
  inspect: async () => (await import('./commands/inspect.js')).inspect,
  history: async () => (await import('./commands/history.js')).history,
  save: async () => (await import('./commands/save.js')).save,
  load: async () => (await import('./commands/load.js')).load,
  'cache ls': async () => (await import('./commands/cache-ls.js')).cacheLs,
  'cache show': async () => (await import('./commands/cache-show.js')).cacheShow,
  'cache pin': async () => (await import('./commands/cache-pin.js')).cachePin,
  'cache unpin': async () => (await import('./commands/cache-pin.js')).cacheUnpin,
  'cache du': async () => (await import('./commands/cache-du.js')).cacheDu,
  'cache prune': async () => (await import('./commands/cache-prune.js')).cachePrune,
  'context ls': async () => (await import('./commands/context-ls.js')).contextLs,
  doctor: async () => (await import('./commands/doctor.js')).doctor,
  kaniko: async () => (await import('./commands/kaniko.js')).kaniko,
  'docker-plugin install': async () => (await import('./commands/docker-plugin.js')).dockerPluginInstall,
  'docker-plugin uninstall': async () => (await import('./commands/docker-plugin.js')).dockerPluginUninstall,
  'docker-plugin run': async () => (await import('./commands/docker-plugin.js')).dockerPluginRun,
  version: async () => (await import('./commands/version.js')).versionCommand,
} as const satisfies Readonly<Record<string, () => Promise<Command>>>;

export type CommandName = keyof typeof commandLoaders;

export const commandNames = Object.keys(commandLoaders).filter(isCommandName);

export function isCommandName(name: string): name is CommandName {
  return Object.hasOwn(commandLoaders, name);
}

/** Every command, for help and reference. */
export function loadAllCommands(): Promise<Command[]> {
  return Promise.all(commandNames.map((name) => commandLoaders[name]()));
}
