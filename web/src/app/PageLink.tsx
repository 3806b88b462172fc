// Links and buttons that lead to other pages of the console without loading it
// again; opened in a new tab they are ordinary links.

import Button, { type ButtonProps } from '@cloudscape-design/components/button';
import Link, { type LinkProps } from '@cloudscape-design/components/link';
import { useHref, useNavigate } from 'react-router';

/** A link to a page; to is its address, as pagePath makes it. */
export function PageLink({ to, ...link }: { to: string } & Omit<LinkProps, 'href' | 'onFollow'>) {
  const navigate = useNavigate();
  return (
    <Link
      {...link}
      href={useHref(to)}
      onFollow={(event) => {
        event.preventDefault();
        void navigate(to);
      }}
    />
  );
}

/** A button that leads to a page. */
export function PageButton({ to, ...button }: { to: string } & Omit<ButtonProps, 'href' | 'onFollow' | 'onClick'>) {
  const navigate = useNavigate();
  return (
    <Button
      {...button}
      href={useHref(to)}
      onFollow={(event) => {
        event.preventDefault();
        void navigate(to);
      }}
    />
  );
}
