import { expect, test } from 'vitest';

import { parser, type WatchEvent } from './watch';

const stream =
  ': hello\n\nevent: ready\ndata: {}\n\nevent: changed\ndata: {"repositoryNames":["app"],"registry":false}\n\n';

test.each([1, 7, 1000])('events arrive whole when the stream comes in pieces of %i', (size) => {
  const events: WatchEvent[] = [];
  const parse = parser((event) => events.push(event));
  for (let i = 0; i < stream.length; i += size) {
    parse(stream.slice(i, i + size));
  }
  expect(events).toEqual([{ type: 'ready' }, { type: 'changed', repositoryNames: ['app'], registry: false }]);
});
