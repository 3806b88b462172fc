// Who may import whom: pages stand on parts, parts on the frame (app), and all on texts (i18n) and the server (api).

import { expect, test } from 'vitest';

/** What each folder may import besides itself. A page is a folder of its own and imports no other page. */
const allowed: Record<string, string[]> = {
  api: [],
  i18n: [],
  app: ['api', 'i18n'],
  'app/routes.tsx': ['app', 'pages'],
  parts: ['api', 'i18n', 'app'],
  pages: ['api', 'i18n', 'app', 'parts'],
  testing: ['api', 'i18n', 'app'],
  'main.tsx': ['app'],
};

const sources = import.meta.glob<string>(['./**/*.{ts,tsx}', '!./imports.test.ts'], {
  query: '?raw',
  import: 'default',
  eager: true,
});

/** The file that a relative import of another file names. */
function resolve(from: string, to: string): string {
  const { pathname } = new URL(to, `file:///${from}`);
  const base = pathname.slice(1).replace(/\/$/, '');
  return [`${base}.ts`, `${base}.tsx`, `${base}/index.ts`].find((file) => `./${file}` in sources) ?? base;
}

const imports = new Map(
  Object.entries(sources).map(([path, text]) => {
    const file = path.slice(2);
    const named = [...text.matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']*)'/g)].map((match) => resolve(file, match[1]!));
    return [file, named.filter((other) => !other.endsWith('.css'))];
  }),
);

/** The row of the table that a file belongs to. */
function layer(file: string): string {
  return file in allowed ? file : file.split('/')[0]!;
}

function page(file: string): string | undefined {
  return /^pages\/[^/]+/.exec(file)?.[0];
}

/** Whether the table lets one file import the other. */
function allows(file: string, other: string): boolean {
  if (page(file) && page(other)) {
    return page(file) === page(other);
  }
  const own = layer(file);
  const [wanted] = other.split('/');
  return (
    own === wanted || allowed[own]?.includes(wanted!) === true || (wanted === 'testing' && file.includes('.test.'))
  );
}

test('files import what their folder may import', () => {
  const wrong = [...imports].flatMap(([file, named]) =>
    named.filter((other) => !allows(file, other)).map((other) => `${file} imports ${other}`),
  );
  expect(wrong).toEqual([]);
});

test('no file imports itself, however far around', () => {
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, way: string[]) => {
    if (way.includes(file)) {
      circles.push([...way.slice(way.indexOf(file)), file].join(' > '));
    } else if (!done.has(file)) {
      imports.get(file)?.forEach((other) => visit(other, [...way, file]));
      done.add(file);
    }
  };
  [...imports.keys()].forEach((file) => visit(file, []));
  expect(circles).toEqual([]);
});

test('imports are found', () => {
  expect(imports.get('app/routes.tsx')).toContain('pages/activity/ActivityPage.tsx');
  expect(imports.get('app/App.tsx')).toContain('app/routes.tsx');
  expect(imports.get('i18n/en/index.ts')).toContain('i18n/en/shell.ts');
});
