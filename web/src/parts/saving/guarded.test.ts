import { expect, test } from 'vitest';

const sources = import.meta.glob<string>(['/src/**/*.{ts,tsx}', '!/src/**/*.test.*', '!/src/api/*'], {
  query: '?raw',
  import: 'default',
  eager: true,
});

/** These change what is stored at that moment: again if someone else does meanwhile, or a single value. */
const atOnce = [
  '/src/pages/registry/AccountSettings.tsx',
  '/src/pages/replication/RemoveRule.tsx',
  '/src/pages/repositories/ScanOnPush.tsx',
  '/src/parts/destinations/grant.ts',
];

test('what is edited is saved under the guard', () => {
  const writes = /'(Put[A-Z]\w+|Set[A-Z]\w+|Delete\w+Policy|TagResource|UntagResource)'/;
  const unguarded = Object.keys(sources).filter(
    (file) => writes.test(sources[file]!) && !sources[file]!.includes('useGuardedSave('),
  );
  expect(unguarded).toEqual(atOnce);
});
