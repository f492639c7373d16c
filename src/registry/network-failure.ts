/** Says what Node's network errors mean to a user. */
import { SourceError } from './exchange.js';
import { cancelled, RegistryFailure, type FailureDetails } from './failure.js';
import { foreignText, redactUrl } from './redact.js';
import { errnoCode, TsbuildError } from '../util/errors.js';

interface Explanation extends Pick<FailureDetails, 'hint' | 'transient'> {
  readonly text: string;
}

const certificateHint =
  'trust its authority with --registry-ca or /etc/docker/certs.d/<registry>/ca.crt, or name the registry with --insecure-registry';
const again = { transient: true };

const explanations: Readonly<Record<string, Explanation>> = {
  ECONNREFUSED: {
    text: 'the connection was refused',
    hint: 'is the registry running, and is the port right?',
    ...again,
  },
  ECONNRESET: { text: 'the connection was reset', ...again },
  EPIPE: { text: 'the connection was closed', ...again },
  ECONNABORTED: { text: 'the connection was aborted', ...again },
  ETIMEDOUT: { text: 'the connection timed out', ...again },
  EHOSTUNREACH: { text: 'the host cannot be reached', ...again },
  ENETUNREACH: { text: 'the network cannot be reached', ...again },
  EAI_AGAIN: { text: 'the name could not be looked up for now', ...again },
  ENOTFOUND: {
    text: 'the host name does not exist',
    hint: 'check the name of the registry and the DNS settings',
  },
  EREFERRAL: { text: 'the registry sent us to an internal address, which is not followed' },
  DEPTH_ZERO_SELF_SIGNED_CERT: { text: 'its certificate is self-signed', hint: certificateHint },
  SELF_SIGNED_CERT_IN_CHAIN: {
    text: 'its certificate comes from an unknown authority',
    hint: certificateHint,
  },
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: {
    text: 'its certificate comes from an unknown authority',
    hint: certificateHint,
  },
  UNABLE_TO_GET_ISSUER_CERT: {
    text: 'its certificate comes from an unknown authority',
    hint: certificateHint,
  },
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: {
    text: 'its certificate comes from an unknown authority',
    hint: certificateHint,
  },
  CERT_HAS_EXPIRED: {
    text: 'its certificate has expired',
    hint: 'renew it, or check the clock of this machine',
  },
  CERT_NOT_YET_VALID: { text: 'its certificate is not valid yet', hint: 'check the clock of this machine' },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    text: 'its certificate is for another host name',
    hint: 'use the name that the certificate has',
  },
  EPROTO: {
    text: 'it does not speak TLS as expected',
    hint: 'name a registry that speaks plain http with --insecure-registry',
  },
};

/**
 * A failure for whatever `exchange` or reading a body threw. `what` says what was being done ("cannot …").
 * An error that is a failure already is returned as it is; what nobody knows counts as transient when it looks like
 * a network error (it has a code), and is thrown on as a bug otherwise. So is the error of a body of ours.
 */
export function networkFailure(error: unknown, what: string, url: URL): TsbuildError {
  if (error instanceof TsbuildError) return error;
  if (error instanceof SourceError) throw error.cause;
  if (error instanceof Error && error.name === 'AbortError') return cancelled(error);
  const code = errnoCode(error) ?? (error instanceof AggregateError ? errnoCode(error.errors[0]) : undefined);
  if (code === undefined) throw error;
  const { text, hint, transient } = explanations[code] ?? unknown(code, error);
  return new RegistryFailure('registry', `${what}: ${text} (${redactUrl(url)})`, {
    hint,
    transient,
    cause: error,
  });
}

function unknown(code: string, error: unknown): Explanation {
  const message = error instanceof Error ? foreignText(error.message) : '';
  if (code === 'ESTALLED') return { text: message, transient: true };
  if (code === 'EPROXY')
    return { text: message, hint: 'check the proxy and its password', transient: / 5\d\d$/.test(message) };
  if (code.startsWith('HPE_')) return { text: `the answer is not HTTP (${code})`, transient: true };
  if (code.startsWith('ERR_SSL') || code.startsWith('CERT_'))
    return { text: `TLS failed (${code})`, hint: certificateHint };
  return { text: `${message} (${code})`, transient: true };
}
