import Link, { type LinkProps } from '@cloudscape-design/components/link';
import type { ReactNode } from 'react';
import { useHref, useNavigate } from 'react-router';

interface Props {
  /** A path of the console, as pagePath makes it. */
  to: string;
  variant?: LinkProps.Variant;
  ariaLabel?: string;
  children: ReactNode;
}

/** A link to a page of the console, which does not load the console again. */
export function PageLink({ to, children, ...rest }: Props) {
  const navigate = useNavigate();
  return (
    <Link
      {...rest}
      href={useHref(to)}
      onFollow={(event) => {
        event.preventDefault();
        void navigate(to);
      }}
    >
      {children}
    </Link>
  );
}
