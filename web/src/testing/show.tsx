// Shows components in tests as the console does: with texts, a registry, and a server that answers.

import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render } from '@testing-library/react';
import type { ReactNode } from 'react';
import { createMemoryRouter, RouterProvider } from 'react-router';
import { vi } from 'vitest';

import { noRevision } from '../api/client';
import type { ECR } from '../api/ecr';
import type { Session } from '../api/session';
import type { Twinport } from '../api/twinport';
import { sessionsKey } from '../app/queries';
import { RegistryContext } from '../app/registry';
import { loadMessages, LocalisationContext, type Language } from '../i18n';

type Operations = ECR & Twinport;

/**
 * How the server answers: per operation what, or a function of the input; what a function throws is an error's name.
 */
export type Answers = {
  [Name in keyof Operations]?: Operations[Name]['out'] | ((input: Operations[Name]['in']) => Operations[Name]['out']);
};

const session: Session = {
  accountId: '111122223333',
  accountName: 'prod',
  accessKeyId: 'AKIAPRODEXAMPLE00001',
  expiresAt: 4e9,
};

/** Renders the element in the registry of prod in us-east-1, where dev's keys are not known. */
export async function show(
  element: ReactNode,
  { answers = {}, language = 'en' }: { answers?: Answers; language?: Language } = {},
) {
  vi.stubGlobal('fetch', serve(answers));
  const messages = await loadMessages(language);
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const regions = ['ap-northeast-1', 'us-east-1'];
  queries.setQueryData(sessionsKey, { sessions: [session], regions, version: 'test' });
  const router = createMemoryRouter([{ path: '*', element }]);
  return render(
    <LocalisationContext value={{ language, setLanguage: () => {}, messages }}>
      <QueryClientProvider client={queries}>
        <RegistryContext
          value={{
            account: session.accountId,
            region: 'us-east-1',
            session,
            sessions: [session],
            regions,
            version: 'test',
          }}
        >
          <RouterProvider router={router} />
        </RegistryContext>
      </QueryClientProvider>
    </LocalisationContext>,
  );
}

/** What reads what an operation replaces. */
const readBefore: Partial<Record<keyof Operations, keyof Operations>> = {
  PutRegistryPolicy: 'GetRegistryPolicy',
  DeleteRegistryPolicy: 'GetRegistryPolicy',
  SetRepositoryPolicy: 'GetRepositoryPolicy',
  DeleteRepositoryPolicy: 'GetRepositoryPolicy',
  PutLifecyclePolicy: 'GetLifecyclePolicy',
  DeleteLifecyclePolicy: 'GetLifecyclePolicy',
  PutRegistryScanningConfiguration: 'GetRegistryScanningConfiguration',
  PutReplicationConfiguration: 'DescribeRegistry',
  PutImageTagMutability: 'DescribeRepositories',
  TagResource: 'ListTagsForResource',
  UntagResource: 'ListTagsForResource',
};

/** The revision of an answer: the answer itself, in letters that a header takes. */
function revision(answer: unknown): string {
  return encodeURIComponent(JSON.stringify(answer));
}

/** A server that has revisions. */
function serve(answers: Answers): typeof fetch {
  const answerTo = (operation: keyof Operations, input: unknown): unknown => {
    const answer = answers[operation] as ((input: unknown) => unknown) | object | undefined;
    if (!answer) {
      throw 'UnknownOperationException';
    }
    return typeof answer === 'function' ? answer(input) : answer;
  };
  const revisionOf = (operation: keyof Operations, input: unknown) => {
    try {
      return revision(answerTo(operation, input));
    } catch {
      return noRevision;
    }
  };
  return async (_, init) => {
    const headers = new Headers(init?.headers);
    const operation = headers.get('X-Amz-Target')?.split('.')[1] as keyof Operations;
    const input: unknown = JSON.parse(init?.body as string);
    const read = readBefore[operation];
    if (read && headers.get('X-Twinport-If-Revision') !== revisionOf(read, input)) {
      return Response.json({ __type: 'PreconditionFailedException', message: 'Nothing was written' }, { status: 412 });
    }
    try {
      const answer = answerTo(operation, input);
      return Response.json(answer, { headers: { 'X-Twinport-Revision': revision(answer) } });
    } catch (name) {
      return Response.json({ __type: name, message: `${operation}: ${String(name)}` }, { status: 400 });
    }
  };
}
