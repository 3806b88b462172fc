import { applyMode, Mode } from '@cloudscape-design/global-styles';
import { createContext, useContext, useLayoutEffect, useState, type ReactNode } from 'react';

import { remember, remembered } from './storage';

export type Appearance = 'light' | 'dark' | 'system';

const AppearanceContext = createContext<{ appearance: Appearance; setAppearance: (a: Appearance) => void }>({
  appearance: 'system',
  setAppearance: () => {},
});

export function useAppearance() {
  return useContext(AppearanceContext);
}

/** Keeps the page light or dark, as the viewer or the system wants it. */
export function AppearanceProvider({ children }: { children: ReactNode }) {
  const [appearance, choose] = useState<Appearance>(() => {
    const kept = remembered('appearance');
    return kept === 'light' || kept === 'dark' ? kept : 'system';
  });
  useLayoutEffect(() => {
    const system = matchMedia('(prefers-color-scheme: dark)');
    const apply = () => {
      const mode = appearance === 'dark' || (appearance === 'system' && system.matches) ? Mode.Dark : Mode.Light;
      applyMode(mode);
      document.documentElement.style.colorScheme = mode; // what the browser draws itself
    };
    apply();
    system.addEventListener('change', apply);
    return () => system.removeEventListener('change', apply);
  }, [appearance]);
  const setAppearance = (chosen: Appearance) => {
    remember('appearance', chosen);
    choose(chosen);
  };
  return <AppearanceContext value={{ appearance, setAppearance }}>{children}</AppearanceContext>;
}
