import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

// `npm run dev` serves the sources and hands what is not the console's on to a
// Twinport that runs here.
const twinport = process.env.TWINPORT_URL ?? 'http://127.0.0.1:8080';

// global-styles embeds Open Sans eight times as data: URLs, which would weigh on
// the first paint and need an exception in the content security policy.
// fonts.css brings the two that are used, as files.
const withoutEmbeddedFonts: Plugin = {
  name: 'without-embedded-fonts',
  enforce: 'pre',
  transform(code, id) {
    return id.includes('/global-styles/index.css') ? code.replace(/@font-face\s*\{[^}]*\}/g, '') : null;
  },
};

export default defineConfig({
  base: '/console/',
  plugins: [withoutEmbeddedFonts, react()],
  build: {
    outDir: '../internal/console/dist',
    emptyOutDir: true,
    license: { fileName: 'licenses.txt' }, // of everything that is bundled
    assetsInlineLimit: 0, // the content security policy allows no data: URLs but for images
    sourcemap: false,
    chunkSizeWarningLimit: 1500,
  },
  server: {
    proxy: { '^/$': twinport, '/console/session': twinport },
  },
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: 'src/testing/setup.ts',
    restoreMocks: true,
    isolate: false, // files share the design system's modules: loading them is most of the time
    testTimeout: 30_000, // a component test takes a second, or several on a busy machine
    server: { deps: { inline: [/@cloudscape-design/] } }, // its modules import style sheets
  },
});
