import { GitSources, type GitSourcesOptions } from './git-sources.js';
import { HttpSources, type HttpSourcesOptions } from './http-sources.js';

export interface RemoteOptions {
  readonly http: HttpSourcesOptions;
  readonly git: GitSourcesOptions;
}

/** Where files that are neither in a context folder nor in an image come from, for one build. */
export class Remotes {
  readonly http: HttpSources;
  readonly git: GitSources;

  constructor({ http, git }: RemoteOptions) {
    this.http = new HttpSources(http);
    this.git = new GitSources(git);
  }

  /** Closes connections. */
  close(): void {
    this.http.close();
  }
}
