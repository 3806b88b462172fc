import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { loadCode } from './code';

const gone = new TypeError('Failed to fetch dynamically imported module');

beforeEach(() => {
  sessionStorage.clear();
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('code that is there is loaded, and nothing else happens', async () => {
  const reload = vi.fn();
  expect(await loadCode(() => Promise.resolve('page'), reload)).toBe('page');
  expect(reload).not.toHaveBeenCalled();
});

test('code that is gone has the console loaded again, once the server answers', async () => {
  const answers = [
    () => Promise.reject(new TypeError()),
    () => Promise.resolve(new Response(null, { status: 503 })),
    () => Promise.resolve(new Response()),
  ];
  vi.stubGlobal('fetch', () => answers.shift()!());
  const reload = vi.fn(() => true);
  void loadCode(() => Promise.reject(gone), reload);
  await vi.advanceTimersByTimeAsync(1900);
  expect(reload).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(200);
  expect(reload).toHaveBeenCalledOnce();
});

test('a reload that does not help is not tried again and again', async () => {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response()));
  const reload = vi.fn(() => true);
  void loadCode(() => Promise.reject(gone), reload);
  await vi.advanceTimersByTimeAsync(5000);
  await expect(loadCode(() => Promise.reject(gone), reload)).rejects.toBe(gone);
  expect(reload).toHaveBeenCalledOnce();
});

test('what is no longer wanted is an error', async () => {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response()));
  await expect(
    loadCode(
      () => Promise.reject(gone),
      () => false,
    ),
  ).rejects.toBe(gone);
});
