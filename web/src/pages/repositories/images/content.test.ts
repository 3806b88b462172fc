import { expect, test } from 'vitest';

import type { HistoryEntry, ImageConfiguration, ImageContent } from '../../../api/twinport';
import { compare, execForm, instruction, platformOf, sizeOf, stepsOf, variableOf } from './content';

const configuration: ImageConfiguration = {
  osFeatures: [],
  entrypoint: [],
  command: [],
  environment: [],
  labels: {},
  exposedPorts: [],
  volumes: [],
  history: [],
  truncated: false,
};

const layers = [{ layerDigest: 'sha256:a', layerSizeInBytes: 7 }, { layerDigest: 'sha256:b' }];

function content(history: HistoryEntry[] | undefined): ImageContent {
  return {
    imageDigest: 'sha256:0',
    imageManifestMediaType: 'm',
    imageManifestSizeInBytes: 1,
    annotations: {},
    layers,
    layerCount: 2,
    platforms: [],
    platformCount: 0,
    configurationStatus: history ? 'AVAILABLE' : 'INVALID',
    ...(history ? { configuration: { ...configuration, history } } : {}),
  };
}

test('steps come with the layers that they made', () => {
  const made = content([
    { createdBy: 'COPY', emptyLayer: false, layerIndex: 0 },
    { createdBy: 'ENV', emptyLayer: true },
    { createdBy: 'RUN', emptyLayer: false, layerIndex: 1 },
  ]);
  const { together, steps, layers: apart } = stepsOf(made);
  expect(together).toBe(true);
  expect(steps.map((s) => [s.number, s.entry?.createdBy, s.layer?.layerDigest])).toEqual([
    [1, 'COPY', 'sha256:a'],
    [2, 'ENV', undefined],
    [3, 'RUN', 'sha256:b'],
  ]);
  expect(apart).toEqual([]);
});

test.each([
  ['no configuration', content(undefined), 0],
  ['no history', content([]), 0],
  ['a history of another length', content([{ emptyLayer: false }]), 1],
])('layers come on their own where there is %s', (_, made, steps) => {
  const all = stepsOf(made);
  expect(all.together).toBe(false);
  expect(all.steps.length).toBe(steps);
  expect(all.layers.map((l) => l.layer?.layerDigest)).toEqual(['sha256:a', 'sha256:b']);
});

test('a layer that is not listed has no size', () => {
  const { steps } = stepsOf(content([{ emptyLayer: false, layerIndex: 5 }]));
  expect(steps).toEqual([{ number: 1, entry: { emptyLayer: false, layerIndex: 5 } }]);
  expect(sizeOf(layers)).toBe(7);
});

test.each([
  ['COPY /app / # buildkit', 'COPY /app /'],
  ['RUN /bin/sh -c make all # buildkit', 'RUN make all'],
  ['RUN |2 A=1 B=2 /bin/sh -c make # buildkit', 'RUN make'],
  ['/bin/sh -c #(nop)  CMD ["bash"]', 'CMD ["bash"]'],
  ['/bin/sh -c #(nop) ADD file:1 in / ', 'ADD file:1 in / '],
  ['/bin/sh -c apt-get update', 'RUN apt-get update'],
  ['|1 A=1 /bin/sh -c make', 'RUN make'],
  ['/bin/bash -c x', '/bin/bash -c x'],
  ['bazel build ...', 'bazel build ...'],
  ['', ''],
])('%s is shown as %s', (createdBy, shown) => {
  expect(instruction(createdBy)).toBe(shown);
});

test('a platform, a command and a variable', () => {
  expect(platformOf({ ...configuration, os: 'linux', architecture: 'arm64', variant: 'v8' })).toBe('linux/arm64/v8');
  expect(platformOf({ ...configuration, os: 'windows', architecture: 'amd64', osVersion: '10' })).toBe(
    'windows/amd64 (10)',
  );
  expect(platformOf(configuration)).toBeUndefined();
  expect(execForm(['/app', 'a "b"'])).toBe('["/app", "a \\"b\\""]');
  expect(execForm([])).toBe('');
  expect(variableOf('A=1=2')).toEqual(['A', '1=2']);
  expect(variableOf('A')).toEqual(['A', '']);
});

test('platforms are compared by what not all have', () => {
  const amd64 = { ...configuration, user: 'app', environment: ['A=1', 'ARCH=amd64'], entrypoint: ['/app'] };
  const arm64 = { ...configuration, user: 'app', environment: ['ARCH=arm64', 'A=1'], entrypoint: ['/app'] };
  const { alike, different } = compare([amd64, undefined, { ...arm64, labels: { arm: 'yes' } }]);
  expect(different).toEqual([
    { field: 'environment', lines: [['ARCH=amd64'], [], ['ARCH=arm64']] },
    { field: 'labels', lines: [[], [], ['arm=yes']] },
  ]);
  expect(alike).toContain('user');
  expect(alike).toContain('entrypoint');
  expect(compare([amd64, { ...amd64, entrypoint: ['/app', '-v'] }]).different).toEqual([
    { field: 'entrypoint', lines: [['["/app"]'], ['["/app", "-v"]']] },
  ]);
  expect(compare([]).different).toEqual([]);
  expect(compare([undefined, undefined]).different).toEqual([]);
});
