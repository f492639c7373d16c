/** What is loaded when a registry is first needed. */
export { createRegistryClient } from './client.js';
export { createCredentialSource } from './credentials.js';
export { readRegistriesConf } from './registries-conf.js';
export type * from './types.js';
