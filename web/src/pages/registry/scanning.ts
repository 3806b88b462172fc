// How the images of a registry are to be scanned, as a form shows it.

import {
  limitsScanningRepositoryFilterList,
  limitsScanningRepositoryFilterValue as limitsFilter,
  type RegistryScanningConfiguration,
  type ScanFrequency,
  type ScanType,
} from '../../api/ecr';

/** How many filters a rule may have. */
export const maxFilters = limitsScanningRepositoryFilterList.max;

/** Keys are unique, in all forms. */
export interface FilterRow {
  key: string;
  filter: string;
}

/** What a type has no rule for stays in the form, so that choosing the other type again brings it back. */
export interface ScanningForm {
  type: ScanType;
  filters: Record<ScanFrequency, FilterRow[]>;
}

const frequencies: Record<ScanType, readonly ScanFrequency[]> = {
  BASIC: ['SCAN_ON_PUSH', 'MANUAL'],
  ENHANCED: ['CONTINUOUS_SCAN', 'SCAN_ON_PUSH'],
};

/** There is one rule at most for each of these. Of those that match a repository the first counts. */
export function frequenciesOf(type: ScanType): readonly ScanFrequency[] {
  return frequencies[type];
}

let keys = 0;

export function newFilterRow(filter = ''): FilterRow {
  return { key: `filter${++keys}`, filter };
}

function filtersOf({ rules }: RegistryScanningConfiguration, frequency: ScanFrequency): string[] {
  return rules
    .filter((rule) => rule.scanFrequency === frequency)
    .flatMap((rule) => rule.repositoryFilters.map(({ filter }) => filter));
}

export function formOf(configuration: RegistryScanningConfiguration): ScanningForm {
  const rows = (frequency: ScanFrequency) => filtersOf(configuration, frequency).map(newFilterRow);
  return {
    type: configuration.scanType,
    filters: {
      SCAN_ON_PUSH: rows('SCAN_ON_PUSH'),
      CONTINUOUS_SCAN: rows('CONTINUOUS_SCAN'),
      MANUAL: rows('MANUAL'),
    },
  };
}

/** What the form stands for: without filters there is no rule. */
export function configurationOf({ type, filters }: ScanningForm): RegistryScanningConfiguration {
  return {
    scanType: type,
    rules: frequencies[type]
      .filter((frequency) => filters[frequency].length > 0)
      .map((frequency) => ({
        scanFrequency: frequency,
        repositoryFilters: filters[frequency].map(({ filter }) => ({ filter, filterType: 'WILDCARD' })),
      })),
  };
}

/** Whether both say the same: the order of rules, and one that matches nothing, say nothing. */
export function sameScanning(a: RegistryScanningConfiguration, b: RegistryScanningConfiguration): boolean {
  const said = (of: RegistryScanningConfiguration) =>
    JSON.stringify([of.scanType, frequencies[of.scanType].map((frequency) => filtersOf(of, frequency))]);
  return said(a) === said(b);
}

/** The frequencies whose filters are in the form, and in no rule of its type. */
export function droppedBy({ type, filters }: ScanningForm): ScanFrequency[] {
  return (Object.keys(filters) as ScanFrequency[]).filter(
    (frequency) => filters[frequency].length > 0 && !frequencies[type].includes(frequency),
  );
}

export type FilterProblem = 'empty' | 'characters' | 'long' | 'separators' | 'twice';

/**
 * What ECR's pattern matches, so written that a filter takes no longer than it is long: ECR's own nests its
 * repetitions, and a browser would try all of them.
 */
const whole = /^[a-z0-9*](?:[._/-]?[a-z0-9*])*$/;

/** What is wrong with one of the filters of a rule. */
export function filterProblem(filter: string, all: readonly FilterRow[]): FilterProblem | undefined {
  if (filter === '') {
    return 'empty';
  }
  if (filter.length > limitsFilter.max) {
    return 'long';
  }
  if (!/^[a-z0-9*._/-]+$/.test(filter)) {
    return 'characters';
  }
  if (!whole.test(filter)) {
    return 'separators';
  }
  return all.filter((row) => row.filter === filter).length > 1 ? 'twice' : undefined;
}

export function scanningValid({ type, filters }: ScanningForm): boolean {
  return frequencies[type].every((frequency) => {
    const rows = filters[frequency];
    return rows.length <= maxFilters && rows.every(({ filter }) => !filterProblem(filter, rows));
  });
}

/**
 * What the server refuses of a form that was sent to it: a row's key, a frequency, or the type; undefined where its
 * words name none.
 */
export function placeOf(message: string, form: ScanningForm): string | undefined {
  const { rules } = configurationOf(form);
  const path = /Invalid parameter at '([^']*)'/.exec(message)?.[1];
  if (path === 'scanType') {
    return 'type';
  }
  const at = /^rules\.(\d+)\.member(?:\.repositoryFilters\.(\d+)\.member)?/.exec(path ?? '');
  if (at) {
    const frequency = rules[Number(at[1]) - 1]?.scanFrequency;
    return frequency && (form.filters[frequency][Number(at[2]) - 1]?.key ?? frequency);
  }
  return rules.map((rule) => rule.scanFrequency).find((frequency) => message.includes(frequency));
}
