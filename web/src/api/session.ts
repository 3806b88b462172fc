// Signing in and out: the cookies of this browser.

import { failure, networkError } from './client';

export interface Session {
  accountId: string;
  accountName: string;
  accessKeyId: string;
  expiresAt: number;
}

/** What the server says of the sessions in this browser. */
export interface Sessions {
  sessions: Session[];
  regions: string[];
  version: string;
}

async function request(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(`/console/session${path}`, { cache: 'no-store', ...init });
  } catch (error) {
    throw networkError(error);
  }
  if (!response.ok) {
    throw await failure(response);
  }
  return response;
}

export async function readSessions(): Promise<Sessions> {
  return (await request('', {})).json() as Promise<Sessions>;
}

/** The server checks the key and sets a cookie; the secret is forgotten here. */
export async function signIn(accessKeyId: string, secretAccessKey: string): Promise<Session> {
  const response = await request('', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ accessKeyId, secretAccessKey }),
  });
  return response.json() as Promise<Session>;
}

export async function signOut(accountId: string): Promise<void> {
  await request(`/${accountId}`, { method: 'DELETE' });
}
