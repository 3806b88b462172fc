import { I18nProvider, type I18nProviderProps } from '@cloudscape-design/components/i18n';
import { useEffect, useState, type ReactNode } from 'react';

import { loadMessages, LocalisationContext, preferredLanguage, type Language, type Messages } from '../i18n';
import { loadCode } from './code';
import { remember, remembered } from './storage';

const components: Record<Language, () => Promise<{ default: I18nProviderProps.Messages }>> = {
  en: () => import('@cloudscape-design/components/i18n/messages/all.en'),
  ja: () => import('@cloudscape-design/components/i18n/messages/all.ja'),
};

interface Catalogue {
  language: Language;
  messages: Messages;
  components: I18nProviderProps.Messages;
}

async function loadCatalogue(language: Language): Promise<Catalogue> {
  const load = () => Promise.all([loadMessages(language), components[language]()]);
  const reload = () => {
    location.reload(); // asks where something is not saved
    return true;
  };
  const [messages, parts] = await loadCode(load, reload);
  return { language, messages, components: parts.default };
}

// The first is on its way while the rest of the console starts.
const firstLanguage = preferredLanguage(remembered('language'), navigator.languages);
const first = loadCatalogue(firstLanguage);

/** Loads the catalogues of the viewer's language, and shows nothing before they are there. */
export function LocalisationProvider({ children }: { children: ReactNode }) {
  const [language, choose] = useState(firstLanguage);
  const [loaded, setLoaded] = useState<Catalogue>();
  useEffect(() => {
    let current = true;
    void (language === firstLanguage ? first : loadCatalogue(language)).then((catalogue) => {
      if (current) {
        document.documentElement.lang = language;
        setLoaded(catalogue);
      }
    });
    return () => {
      current = false;
    };
  }, [language]);
  if (!loaded) {
    return null;
  }
  const setLanguage = (chosen: Language) => {
    remember('language', chosen);
    choose(chosen);
  };
  return (
    <LocalisationContext value={{ language: loaded.language, setLanguage, messages: loaded.messages }}>
      <I18nProvider locale={loaded.language} messages={[loaded.components]}>
        {children}
      </I18nProvider>
    </LocalisationContext>
  );
}
