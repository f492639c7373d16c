/** Where BuildKit looks for CDI specs; later folders count more. */
export const usualSpecFolders = ['/etc/cdi', '/var/run/cdi', '/etc/buildkit/cdi'] as const;
