import { expect, test } from 'vitest';

import { readable, readManifest } from './manifest';

test('config, layers and annotations', () => {
  const manifest = {
    schemaVersion: 2,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: 'sha256:c', size: 7 },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: 'sha256:l', size: 30 }],
    annotations: { 'org.opencontainers.image.revision': 'abc' },
  };
  expect(readManifest(JSON.stringify(manifest))).toEqual({
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: 'sha256:c', size: 7 },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: 'sha256:l', size: 30 }],
    annotations: [['org.opencontainers.image.revision', 'abc']],
  });
});

test.each([
  '[]',
  'null',
  '7',
  '"x"',
  '{"layers":7,"annotations":[1],"config":null}',
  '{"layers":[null,{"digest":1,"size":"x"}]}',
])('%s is read without a fault', (json) => {
  const manifest = readManifest(json)!;
  expect(manifest.annotations).toEqual([]);
  expect(manifest.layers.every((l) => l.digest === '' && l.size === undefined)).toBe(true);
});

test('what is not JSON is told from what is', () => {
  expect(readManifest('{')).toBeUndefined();
});

test('one line is broken up, many are left alone', () => {
  expect(readable('{"a":1}', 100)).toEqual({ shown: '{\n  "a": 1\n}', whole: true });
  expect(readable('{\n "a":1}', 100)).toEqual({ shown: '{\n "a":1}', whole: true });
  expect(readable('{"a":"' + 'x'.repeat(200) + '"}', 100)).toEqual({ shown: '{"a":"' + 'x'.repeat(94), whole: false });
});
