import type { Job } from '../progress/event.js';
import { answerFailure } from './answer-failure.js';
import type { Authorizer } from './authorizer.js';
import type { Scope } from './challenge.js';
import type { Endpoints } from './endpoint.js';
import { discardBody, type Exchanger, type Request, type RequestBody, type Response } from './exchange.js';
import { RegistryFailure } from './failure.js';
import { follow, harmlessHeaders } from './follow.js';
import { networkFailure } from './network-failure.js';
import { foreignText } from './redact.js';
import type { Referrals } from './referral.js';
import { requestToken } from './tokens.js';
import type { CredentialSource, Repository } from './types.js';

const maximumRounds = 3;
const maximumWarnings = 100;

/** A request to a registry's API, as the protocol knows it. */
export interface Call {
  readonly method: Request['method'];
  /** Below the API (`manifests/latest` of the repository), or a whole URL that the registry gave. */
  readonly target: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RequestBody | undefined;
  readonly patience?: number | undefined;
  readonly onSent?: ((bytes: number) => void) | undefined;
  readonly scopes: readonly Scope[];
  /** Statuses of 400 and more that the caller wants to see; others are thrown as failures. */
  readonly accept?: readonly number[];
  /** For messages: `cannot fetch …`. */
  readonly what: string;
}

export interface SenderParts {
  readonly exchanger: Exchanger;
  readonly endpoints: Endpoints;
  readonly authorizer: Authorizer;
  readonly credentials: CredentialSource;
  readonly userAgent: string;
}

/** Sends calls to registries: finds the endpoint, signs in, follows redirects, makes failures of errors. */
export class Sender {
  readonly #told = new Set<string>();

  constructor(private readonly parts: SenderParts) {}

  get timeouts(): Exchanger['timeouts'] {
    return this.parts.exchanger.timeouts;
  }

  async referrals(registry: string, job: Job): Promise<Referrals> {
    const { endpoints } = this.parts;
    return { home: await endpoints.of(registry, job.signal), isInsecure: (url) => endpoints.isInsecure(url) };
  }

  /** One answer with a status below 400 or accepted by the call. Throws failures; repeats nothing but sign-ins. */
  async send(where: Repository, call: Call, job: Job): Promise<Response> {
    const referrals = await this.referrals(where.registry, job);
    const url =
      call.target instanceof URL
        ? call.target
        : new URL(`/v2/${where.repository}/${call.target}`, referrals.home.base);
    try {
      for (let round = 1; ; round++) {
        const { response, authorization } = await this.#round(where, { ...call, url }, { referrals, job });
        const fromHome = response.url.origin === referrals.home.base.origin;
        if (response.status !== 401 || !fromHome || round === maximumRounds) {
          this.#tellWarnings(where, response, job);
          return await this.#checked(response, call, authorization);
        }
        await this.#refused(where, call, { response, authorization, referrals, job });
      }
    } catch (error) {
      throw networkFailure(error, call.what, url);
    }
  }

  async #round(
    where: Repository,
    call: Call & { url: URL },
    { referrals, job }: { referrals: Referrals; job: Job },
  ) {
    const { url, method, body, patience, onSent } = call;
    const { userAgent, exchanger, authorizer, credentials } = this.parts;
    const own = url.origin === referrals.home.base.origin;
    const wanted = this.#wanted(where, call, { referrals, job });
    const authorization = own ? await authorizer.authorization(wanted) : undefined;
    const plain = { ...(own ? await credentials.headers() : {}), ...call.headers, 'User-Agent': userAgent };
    const headers = own ? plain : harmlessHeaders(plain);
    const request = {
      method,
      url,
      body,
      patience,
      onSent,
      headers: authorization === undefined ? headers : { ...headers, Authorization: authorization },
    };
    const response = await follow(exchanger, request, { referrals, signal: job.signal });
    return { response, authorization };
  }

  #wanted(where: Repository, { scopes }: Call, { referrals, job }: { referrals: Referrals; job: Job }) {
    const { exchanger, userAgent } = this.parts;
    return {
      where,
      scopes,
      fetchToken: (request: Omit<Parameters<typeof requestToken>[1], 'userAgent'>) =>
        requestToken(exchanger, { ...request, userAgent }, { referrals, signal: job.signal }),
    };
  }

  async #refused(
    where: Repository,
    call: Call,
    context: { response: Response; authorization: string | undefined; referrals: Referrals; job: Job },
  ): Promise<void> {
    const { response, authorization } = context;
    await discardBody(response, this.timeouts);
    await this.parts.authorizer.refused(
      this.#wanted(where, call, context),
      response.headers['www-authenticate'],
      authorization,
    );
    if (authorization?.startsWith('Basic ') !== true) return;
    throw new RegistryFailure('auth', `${call.what}: ${where.registry} refused the user name or password`, {
      status: 401,
      hint: `sign in again with \`tsbuild login ${where.registry}\``,
    });
  }

  /** Registries tell of what will stop working (distribution-spec, "Warnings"); each text is told once. */
  #tellWarnings({ registry }: Repository, response: Response, job: Job): void {
    const texts = (response.headers['warning'] ?? '').slice(0, 4096).matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g);
    for (const [, text = ''] of texts) {
      const message = `${registry} says: ${foreignText(text.replace(/\\(.)/g, '$1'))}`;
      if (this.#told.has(message) || this.#told.size >= maximumWarnings) continue;
      this.#told.add(message);
      job.emit({ kind: 'warning', message });
    }
  }

  async #checked(response: Response, call: Call, authorization: string | undefined): Promise<Response> {
    const { status } = response;
    if ((status >= 200 && status < 300) || call.accept?.includes(status) === true) {
      const encoding = response.headers['content-encoding'];
      if (encoding === undefined || encoding === 'identity') return response;
      response.body.destroy();
      throw new RegistryFailure(
        'registry',
        `${call.what}: the answer is encoded although that was not asked for`,
      );
    }
    throw await answerFailure(response, call.what, this.timeouts, secretsOf(authorization));
  }
}

function secretsOf(authorization: string | undefined): readonly string[] {
  if (authorization === undefined) return [];
  const [scheme, value = ''] = authorization.split(' ');
  if (scheme !== 'Basic') return [value];
  return [
    value,
    Buffer.from(value, 'base64')
      .toString('utf8')
      .replace(/^[^:]*:/, ''),
  ];
}
