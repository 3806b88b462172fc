import { useEffect, useRef } from 'react';

import { Problem } from '../../app/Problem';

import './saving.css';

/** Why a form could not be sent, at its top: brought into view, for the button may be far below. */
export function SubmitProblem({ error }: { error: unknown }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => place.current?.scrollIntoView({ block: 'nearest' }), [error]);
  return error ? (
    <div ref={place} className="below-bar">
      <Problem error={error} />
    </div>
  ) : null;
}

/** Leads to the first field of a form that is marked as wrong, once it is. */
export function focusInvalid(form: HTMLFormElement | null): void {
  setTimeout(() => form?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
}
