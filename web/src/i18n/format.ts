// Dates, sizes and durations in the viewer's manner.

import { useLanguage, type Language } from '.';

export interface Format {
  /** A moment, from seconds since 1970. */
  dateTime: (seconds: number) => string;
  /** The time of a moment of today, with seconds. */
  time: (seconds: number) => string;
  /** The time of a moment of today, to the minute. */
  clock: (seconds: number) => string;
  /** How long ago a moment was, roughly. */
  ago: (seconds: number, now?: number) => string;
  bytes: (count: number) => string;
  /** A duration, from milliseconds. */
  duration: (millis: number) => string;
  number: (value: number) => string;
  list: (items: string[]) => string;
  /** A list of which one is enough: a, b, or c. */
  either: (items: string[]) => string;
}

/** Twelve digits in three groups, as people read them aloud. */
export function groupedAccount(account: string): string {
  return account.replace(/^(\d{4})(\d{4})(\d{4})$/, '$1-$2-$3');
}

const byteUnits = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte', 'petabyte'];

export function formatOf(language: Language): Format {
  // The browser's own English (British dates, say) where the console speaks English.
  const own = typeof navigator === 'undefined' ? undefined : navigator.languages.find((l) => l.startsWith(language));
  const locale = own ?? language;
  const dateTime = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' });
  const time = new Intl.DateTimeFormat(locale, { timeStyle: 'medium' });
  const clock = new Intl.DateTimeFormat(locale, { timeStyle: 'short' });
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  const integer = new Intl.NumberFormat(locale);
  const list = new Intl.ListFormat(locale, { type: 'conjunction' });
  const either = new Intl.ListFormat(locale, { type: 'disjunction' });
  const units = new Map<string, Intl.NumberFormat>();
  const unit = (value: number, name: string) => {
    const maximumSignificantDigits = value < 1000 ? 3 : 4;
    const key = `${name} ${maximumSignificantDigits}`;
    let format = units.get(key);
    if (!format) {
      format = new Intl.NumberFormat(locale, {
        style: 'unit',
        unit: name,
        unitDisplay: 'short',
        maximumSignificantDigits,
      });
      units.set(key, format);
    }
    return format.format(value);
  };
  return {
    dateTime: (seconds) => dateTime.format(seconds * 1000),
    time: (seconds) => time.format(seconds * 1000),
    clock: (seconds) => clock.format(seconds * 1000),
    ago: (seconds, now = Date.now() / 1000) => {
      const age = Math.max(0, now - seconds);
      if (age < 60) {
        return relative.format(-Math.round(age), 'second');
      }
      if (age < 3600) {
        return relative.format(-Math.round(age / 60), 'minute');
      }
      if (age < 86400) {
        return relative.format(-Math.round(age / 3600), 'hour');
      }
      return relative.format(-Math.round(age / 86400), 'day');
    },
    bytes: (count) => {
      let power = 0;
      while (count >= 1000 && power < byteUnits.length - 1) {
        count /= 1000;
        power++;
      }
      return unit(count, byteUnits[power]!);
    },
    duration: (millis) => {
      if (millis < 1000) {
        return unit(millis, 'millisecond');
      }
      if (millis < 120_000) {
        return unit(millis / 1000, 'second');
      }
      if (millis < 7_200_000) {
        return unit(millis / 60_000, 'minute');
      }
      return unit(millis / 3_600_000, 'hour');
    },
    number: (value) => integer.format(value),
    list: (items) => list.format(items),
    either: (items) => either.format(items),
  };
}

// Making the formats takes longer than a whole row of a table: each language's are made once.
const formats = new Map<Language, Format>();

export function useFormat(): Format {
  const { language } = useLanguage();
  let format = formats.get(language);
  if (!format) {
    format = formatOf(language);
    formats.set(language, format);
  }
  return format;
}
