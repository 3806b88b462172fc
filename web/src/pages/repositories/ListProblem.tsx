import Button from '@cloudscape-design/components/button';

import { APIError } from '../../api/client';
import { Problem } from '../../app/Problem';
import type { Place } from './place';

interface Read {
  data: unknown;
  error: unknown;
  failureReason: unknown;
  refetch: () => unknown;
}

/** Says why a list is not there, or not new; tries go on by themselves while the server is away. */
export function ListProblem({ read, place, firstPage }: { read: Read; place: Place; firstPage: string }) {
  const error = read.error ?? (read.data === undefined ? read.failureReason : undefined);
  if (!error) {
    return null;
  }
  // A page's token may no longer be good; the list's beginning always is.
  const lost = place.token !== undefined && error instanceof APIError && !error.transient && !error.signedOut;
  return (
    <>
      <Problem error={error} onRetry={() => void read.refetch()} />
      {lost && <Button onClick={() => place.go(0, undefined)}>{firstPage}</Button>}
    </>
  );
}
