// What the console says, in the viewer's language.
//
// A catalogue is an object per area; a message is a text, or a function of what
// it speaks of. Japanese has English's type, so a message that is missing does
// not compile.

import { createContext, useContext } from 'react';

import * as en from './en';
import type { Messages } from './messages';

export type { Messages };
export type Language = 'en' | 'ja';
export const languages: Record<Language, string> = { en: 'English', ja: '日本語' };

const loaders: Record<Language, () => Promise<Messages>> = {
  en: () => Promise.resolve(en),
  ja: () => import('./ja'),
};

/** Loads the catalogue of a language. */
export function loadMessages(language: Language): Promise<Messages> {
  return loaders[language]();
}

/** The language of the viewer's choice, else the browser's, else English. */
export function preferredLanguage(chosen: string | null, browser: readonly string[]): Language {
  for (const wanted of [chosen, ...browser]) {
    const language = wanted?.toLowerCase().split('-')[0];
    if (language === 'en' || language === 'ja') {
      return language;
    }
  }
  return 'en';
}

export interface Localisation {
  language: Language;
  setLanguage: (language: Language) => void;
  messages: Messages;
}

export const LocalisationContext = createContext<Localisation>({ language: 'en', setLanguage: () => {}, messages: en });

export function useLanguage(): Localisation {
  return useContext(LocalisationContext);
}

export function useMessages(): Messages {
  return useContext(LocalisationContext).messages;
}
