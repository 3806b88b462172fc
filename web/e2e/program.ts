// Builds the program once for all tests, with the console that is in the tree.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

import { missing, root } from './tools';

declare module 'vitest' {
  interface ProvidedContext {
    program: string;
  }
}

export default function setup(project: TestProject) {
  if (missing.length > 0) {
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'twinport-console-'));
  const program = join(folder, 'twinport');
  // With the race detector, as make test has compiled the packages already.
  const race = process.env.RACE ? [process.env.RACE] : [];
  try {
    execFileSync(process.env.GO ?? 'go', ['build', ...race, '-o', program, './cmd/twinport'], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
  } catch (error) {
    rmSync(folder, { recursive: true });
    throw error;
  }
  project.provide('program', program);
  return () => rmSync(folder, { recursive: true });
}
