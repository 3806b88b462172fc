// The stream of WatchRegistry: server-sent events over fetch, for EventSource can send no headers.

import { APIError, networkError, send, watchTarget, type Registry } from './client';
import type { Direction, Replication } from './twinport';

export type WatchEvent =
  | { type: 'ready' | 'lost' }
  | { type: 'replications'; direction: Direction; replications: Replication[] }
  | { type: 'changed'; repositoryNames: string[]; registry: boolean };

/** No word for this long means that the line is dead: the server sends a comment every 15 seconds. */
const silence = 40_000;

/** Follows the registry until the signal, or an error: the stream's end is one, too. */
export async function watch(
  registry: Registry,
  signal: AbortSignal,
  onEvent: (event: WatchEvent) => void,
): Promise<never> {
  const controller = new AbortController();
  const stop = () => controller.abort(signal.reason);
  signal.addEventListener('abort', stop);
  let watchdog: ReturnType<typeof setTimeout> | undefined;
  const heard = () => {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => controller.abort(), silence);
  };
  try {
    heard();
    const response = await send(registry, watchTarget, {}, { signal: controller.signal });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    const parse = parser(onEvent);
    for (;;) {
      heard();
      const { done, value } = await reader.read();
      if (done) {
        throw new APIError('NetworkError', 'The stream ended', 0);
      }
      parse(value);
    }
  } catch (error) {
    if (signal.aborted || error instanceof APIError) {
      throw error;
    }
    const cause = networkError(error);
    throw cause instanceof APIError ? cause : new APIError('NetworkError', 'The server fell silent', 0);
  } finally {
    clearTimeout(watchdog);
    signal.removeEventListener('abort', stop);
    controller.abort();
  }
}

/** Takes the stream in pieces of any size and calls onEvent for each whole event. */
export function parser(onEvent: (event: WatchEvent) => void): (text: string) => void {
  let rest = '';
  let type = '';
  let data: string[] = [];
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      if (line === '') {
        if (type !== '') {
          onEvent({ type, ...JSON.parse(data.join('\n') || '{}') } as WatchEvent);
        }
        type = '';
        data = [];
      } else if (line.startsWith('event:')) {
        type = line.slice(6).trim();
      } else if (line.startsWith('data:')) {
        data.push(line.slice(5).trimStart());
      } // anything else is a comment
    }
  };
}
