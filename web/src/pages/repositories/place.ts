// The place in a list that is searched and paged: in the page's address and
// history, so that going back or loading again finds it.

import { useEffect, useRef, useState } from 'react';
import { useLocation, useNavigate } from 'react-router';

import { goTo, tokenOf, trailOf } from '../../parts/lists/trail';

/** Typing pauses this long before the list is searched, in milliseconds. */
const pause = 200;

export interface Place {
  /** What is typed into the search field. */
  text: string;
  setText: (text: string) => void;
  /** What the list is searched for. */
  search: string;
  trail: ReturnType<typeof trailOf>;
  /** Of the shown page. */
  token: string | undefined;
  /** Shows a page; next is the token that the shown page ended with. */
  go: (page: number, next: string | undefined) => void;
}

export function usePlace(): Place {
  const location = useLocation();
  const navigate = useNavigate();
  const search = new URLSearchParams(location.search).get('search') ?? '';
  const trail = trailOf(location.state);
  const [text, setText] = useState(search);
  const applied = useRef(search);
  useEffect(() => {
    // The address changed otherwise than by typing: back, or a link.
    if (search !== applied.current) {
      applied.current = search;
      setText(search);
    }
  }, [search]);
  useEffect(() => {
    const wanted = text.trim();
    if (wanted === applied.current) {
      return;
    }
    const timer = setTimeout(() => {
      applied.current = wanted;
      const parameters = new URLSearchParams(location.search);
      parameters.delete('search');
      if (wanted) {
        parameters.set('search', wanted);
      }
      void navigate({ search: parameters.toString() }, { replace: true });
    }, pause);
    return () => clearTimeout(timer);
  }, [text, location.search, navigate]);
  return {
    text,
    setText,
    search,
    trail,
    token: tokenOf(trail),
    go: (page, next) => void navigate({ search: location.search }, { state: { trail: goTo(trail, page, next) } }),
  };
}
