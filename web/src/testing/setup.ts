// Before each file of component tests.

import { cleanup, configure } from '@testing-library/react';
import { afterEach, vi } from 'vitest';

Element.prototype.scrollIntoView = () => {}; // jsdom lays nothing out
configure({ asyncUtilTimeout: 10_000 }); // the machine may be busy

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});
