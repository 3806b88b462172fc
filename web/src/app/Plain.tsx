import type { ReactNode } from 'react';
import { Outlet } from 'react-router';

import { Bar } from './Bar';

/** Around what belongs to no registry: the bar alone. */
export function Plain({ children }: { children?: ReactNode }) {
  return (
    <>
      <Bar />
      <main>{children ?? <Outlet />}</main>
    </>
  );
}
