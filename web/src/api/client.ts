// Calls of the AWS JSON 1.1 protocol at POST /, with the session's cookie.

import type { ECR } from './ecr';
import type { Twinport } from './twinport';

/** A registry: one account in one Region. */
export interface Registry {
  account: string;
  region: string;
}

/** An answer that is not the one that was asked for. */
export class APIError extends Error {
  constructor(
    /** The exception's name, such as RepositoryNotFoundException; NetworkError where no answer came. */
    readonly code: string,
    message: string,
    /** The HTTP status; 0 where no answer came. */
    readonly status: number,
  ) {
    super(message);
    this.name = 'APIError';
  }

  /** The session has ended: signing in again mends it. */
  get signedOut(): boolean {
    return this.code === 'ExpiredTokenException';
  }

  /** No Twinport answered: it is not reached, or is starting or stopping. */
  get away(): boolean {
    return this.status === 0 || (this.status >= 502 && this.status <= 504);
  }

  /** The server was not reached, or could not answer just now: trying again may help. */
  get transient(): boolean {
    return this.status === 0 || this.status >= 500 || this.status === 429;
  }
}

const ecrTarget = 'AmazonEC2ContainerRegistry_V20150921';
const twinportTarget = 'Twinport_V20261101';

/** Asks the server; the answer may be a stream. */
export async function send(
  registry: Registry,
  target: string,
  input: unknown,
  signal?: AbortSignal,
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch('/', {
      method: 'POST',
      headers: {
        'Content-Type': 'application/x-amz-json-1.1',
        'X-Amz-Target': target,
        'X-Twinport-Registry': `${registry.account}/${registry.region}`,
      },
      body: JSON.stringify(input),
      signal: signal ?? null,
      cache: 'no-store',
    });
  } catch (error) {
    throw networkError(error);
  }
  if (!response.ok) {
    throw await failure(response);
  }
  return response;
}

/** What fetch throws is an abort, which is passed on, or the lack of an answer. */
export function networkError(error: unknown): unknown {
  if (error instanceof DOMException && error.name === 'AbortError') {
    return error;
  }
  return new APIError('NetworkError', String(error), 0);
}

/** Reads the error of an answer. */
export async function failure(response: Response): Promise<APIError> {
  try {
    const body = (await response.json()) as { __type?: string; message?: string };
    return new APIError(body.__type ?? 'ServerException', body.message ?? response.statusText, response.status);
  } catch {
    return new APIError('ServerException', response.statusText, response.status);
  }
}

async function answer<Out>(registry: Registry, target: string, input: unknown, signal?: AbortSignal): Promise<Out> {
  const response = await send(registry, target, input, signal);
  try {
    return (await response.json()) as Out;
  } catch (error) {
    throw networkError(error); // the line was cut
  }
}

/** Calls an operation of Amazon ECR. */
export function ecr<Name extends keyof ECR>(
  registry: Registry,
  name: Name,
  input: ECR[Name]['in'],
  signal?: AbortSignal,
): Promise<ECR[Name]['out']> {
  return answer(registry, `${ecrTarget}.${name}`, input, signal);
}

/** Calls one of Twinport's own operations (docs/api.md). */
export function twinport<Name extends keyof Twinport>(
  registry: Registry,
  name: Name,
  input: Twinport[Name]['in'],
  signal?: AbortSignal,
): Promise<Twinport[Name]['out']> {
  return answer(registry, `${twinportTarget}.${name}`, input, signal);
}

export const watchTarget = `${twinportTarget}.WatchRegistry`;
