import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { Navigate, useLocation, useNavigate } from 'react-router';

import { signOut } from '../api/session';
import { accountKey, sessionsKey } from './queries';
import { Waiting } from './Waiting';

/** Where signing out leads: not an address that a link could carry, for the account is in the navigation's state. */
export function SignOutPage() {
  const account = (useLocation().state as { account?: string } | null)?.account;
  const navigate = useNavigate();
  const queries = useQueryClient();
  const end = useMutation({
    mutationFn: signOut,
    onSuccess: async (_, ended) => {
      queries.removeQueries({ queryKey: accountKey(ended) });
      await queries.invalidateQueries({ queryKey: sessionsKey, refetchType: 'all' });
      void navigate('/', { replace: true });
    },
  });
  const { mutate } = end;
  useEffect(() => {
    if (account) {
      mutate(account);
    }
  }, [account, mutate]);
  return account ? <Waiting error={end.error} onRetry={() => mutate(account)} /> : <Navigate to="/" replace />;
}
