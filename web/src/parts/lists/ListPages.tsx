import Pagination from '@cloudscape-design/components/pagination';

import { pagesOf, type Trail } from './trail';

/** Forward and back through a list; next is the token that the shown page ended with. */
export function ListPages({
  place,
  next,
  label,
  disabled,
}: {
  /** Where one is, and what shows another page; next is the token that the shown page ended with. */
  place: { trail: Trail; go: (page: number, next: string | undefined) => void };
  next: string | undefined;
  label: string;
  disabled: boolean;
}) {
  const pages = pagesOf(place.trail, next);
  return (
    <Pagination
      currentPageIndex={place.trail.page + 1}
      pagesCount={pages}
      disabled={disabled}
      ariaLabels={{ paginationLabel: label }}
      onChange={({ detail }) => place.go(detail.currentPageIndex - 1, next)}
    />
  );
}
