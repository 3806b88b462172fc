// What ECR takes as names of repositories.

import { limitsRepositoryName as limitsName } from '../../api/ecr';

/** Why a text cannot be a repository's name; 'short' and 'end' may yet be fixed by typing on. */
export type NameProblem = 'short' | 'long' | 'capitals' | 'characters' | 'begin' | 'end' | 'separators';

/** The first thing that is wrong with a repository's name. */
export function nameProblem(name: string): NameProblem | undefined {
  if (/[A-Z]/.test(name)) {
    return 'capitals';
  }
  if (/[^a-z0-9._/-]/.test(name)) {
    return 'characters';
  }
  if (/^[^a-z0-9]/.test(name)) {
    return 'begin';
  }
  // Between two letters or digits: one of . / _, or two of _, or any number of -.
  if (name.match(/[._/-]+(?=[a-z0-9])/g)?.some((separators) => !/^([./_]|__|-+)$/.test(separators))) {
    return 'separators';
  }
  if (name.length > limitsName.max) {
    return 'long';
  }
  if (name.length < limitsName.min) {
    return 'short';
  }
  return /[^a-z0-9]$/.test(name) ? 'end' : undefined;
}
