/** Registries: the client, and pushing and pulling images with it. */
export { createRegistryClient } from './client.js';
export { createCredentialSource, type CredentialOptions } from './credentials.js';
export { readRegistriesConf } from './registries-conf.js';
export { pullManifest, type PulledImage } from './pull-manifest.js';
export { pushImage, type PushableImage } from './push-image.js';
export { RegistryFailure } from './failure.js';
export type * from './types.js';
