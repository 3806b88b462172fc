// Links to pages of the console, which do not load the console again.

import Button, { type ButtonProps } from '@cloudscape-design/components/button';
import Link, { type LinkProps } from '@cloudscape-design/components/link';
import { useHref, useNavigate } from 'react-router';

interface To {
  /** A path of the console, as pagePath makes it. */
  to: string;
}

function useFollow(to: string) {
  const navigate = useNavigate();
  return {
    href: useHref(to),
    onFollow: (event: CustomEvent) => {
      event.preventDefault();
      void navigate(to);
    },
  };
}

export function PageLink({ to, ...props }: To & Omit<LinkProps, 'href' | 'onFollow'>) {
  return <Link {...props} {...useFollow(to)} />;
}

export function PageButton({ to, ...props }: To & Omit<ButtonProps, 'href' | 'onFollow'>) {
  return <Button {...props} {...useFollow(to)} />;
}
