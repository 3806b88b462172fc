// The programs that the tests drive.

import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export const root = join(import.meta.dirname, '../..');

function find(name: string): string | undefined {
  const installed = join(root, '.cache/tools');
  const pinned = existsSync(installed) ? readdirSync(installed).filter((entry) => entry.startsWith(`${name}@`)) : [];
  const folders = [...pinned.map((entry) => join(installed, entry)), ...(process.env.PATH ?? '').split(delimiter)];
  return folders
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

const found = { chromium: find('chromium'), crane: find('crane'), oras: find('oras'), setpriv: find('setpriv') };

/** The names of those that are not here. */
export const missing = Object.entries(found).flatMap(([name, path]) => (path ? [] : [name]));

export function tool(name: keyof typeof found): string {
  const path = found[name];
  if (!path) {
    throw new Error(`${name} is not installed: run make tools`);
  }
  return path;
}
