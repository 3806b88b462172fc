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

  /** The session has ended: signing in again fixes it. */
  get signedOut(): boolean {
    return this.code === 'ExpiredTokenException';
  }

  /** What was to be replaced has changed since it was read: reading again shows it. */
  get conflict(): boolean {
    return this.code === 'PreconditionFailedException';
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

interface Options {
  signal?: AbortSignal | undefined;
  /** The revision of what may be replaced. */
  base?: string;
}

/** Asks the server; the answer may be a stream. */
export async function send(
  registry: Registry,
  target: string,
  input: unknown,
  { signal, base }: Options = {},
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch('/', {
      method: 'POST',
      headers: {
        'Content-Type': 'application/x-amz-json-1.1',
        'X-Amz-Target': target,
        'X-Twinport-Registry': `${registry.account}/${registry.region}`,
        ...(base === undefined ? {} : { 'X-Twinport-If-Revision': base }),
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

/** What the server has, and the revision that this has (docs/api.md): another after each change. */
export interface Revised<Value> {
  value: Value;
  revision: string;
}

/** The revision of a policy that is not there. */
export const noRevision = 'none';

async function answer<Out>(
  registry: Registry,
  target: string,
  input: unknown,
  options: Options,
): Promise<Revised<Out>> {
  const response = await send(registry, target, input, options);
  try {
    return { value: (await response.json()) as Out, revision: response.headers.get('X-Twinport-Revision') ?? '' };
  } catch (error) {
    throw networkError(error); // the line was cut
  }
}

/** The operations that replace what others may edit, too. */
type Replacing =
  | `${'Put' | 'Delete'}RegistryPolicy`
  | `${'Set' | 'Delete'}RepositoryPolicy`
  | `${'Put' | 'Delete'}LifecyclePolicy`
  | 'PutRegistryScanningConfiguration'
  | 'PutReplicationConfiguration'
  | 'PutImageTagMutability'
  | 'TagResource'
  | 'UntagResource';

/** Calls an operation of Amazon ECR. */
export async function ecr<Name extends Exclude<keyof ECR, Replacing>>(
  registry: Registry,
  name: Name,
  input: ECR[Name]['in'],
  signal?: AbortSignal,
): Promise<ECR[Name]['out']> {
  return (await readRevised(registry, name, input, signal)).value;
}

/** Reads, with an operation of Amazon ECR, what is to be replaced by another. */
export function readRevised<Name extends Exclude<keyof ECR, Replacing>>(
  registry: Registry,
  name: Name,
  input: ECR[Name]['in'],
  signal?: AbortSignal,
): Promise<Revised<ECR[Name]['out']>> {
  return answer(registry, `${ecrTarget}.${name}`, input, { signal });
}

/** Replaces what has the revision base; if someone else has replaced that, nothing, with an error of conflict. */
export async function replace<Name extends Replacing>(
  registry: Registry,
  base: string,
  name: Name,
  input: ECR[Name]['in'],
): Promise<ECR[Name]['out']> {
  return (await answer<ECR[Name]['out']>(registry, `${ecrTarget}.${name}`, input, { base })).value;
}

/** Calls one of Twinport's own operations (docs/api.md). */
export async function twinport<Name extends keyof Twinport>(
  registry: Registry,
  name: Name,
  input: Twinport[Name]['in'],
  signal?: AbortSignal,
): Promise<Twinport[Name]['out']> {
  return (await answer<Twinport[Name]['out']>(registry, `${twinportTarget}.${name}`, input, { signal })).value;
}

export const watchTarget = `${twinportTarget}.WatchRegistry`;
