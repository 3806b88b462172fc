import { expect, test } from 'vitest';

import { clientsOf, kindOf, shortDigest } from './kind';

const manifest = 'application/vnd.oci.image.manifest.v1+json';
const index = 'application/vnd.oci.image.index.v1+json';

test.each([
  [manifest, 'application/vnd.oci.image.config.v1+json', 'image'],
  ['application/vnd.docker.distribution.manifest.v2+json', 'application/vnd.docker.container.image.v1+json', 'image'],
  [manifest, undefined, 'image'],
  [index, undefined, 'index'],
  ['application/vnd.docker.distribution.manifest.list.v2+json', '', 'index'],
  [manifest, 'application/vnd.cncf.helm.config.v1+json', 'chart'],
  [manifest, 'application/vnd.dev.cosign.artifact.sig.v1+json', 'signature'],
  [manifest, 'application/vnd.cncf.notary.signature', 'signature'],
  [manifest, 'application/vnd.dev.sigstore.bundle.v0.3+json', 'bundle'],
  [manifest, 'application/spdx+json', 'sbom'],
  [manifest, 'text/spdx', 'sbom'],
  [manifest, 'application/vnd.cyclonedx+json', 'sbom'],
  [manifest, 'application/vnd.dev.cosign.artifact.sbom.v1+json', 'sbom'],
  [index, 'application/spdx+json', 'sbom'],
  [manifest, 'application/vnd.in-toto+json', 'attestation'],
  [manifest, 'application/vnd.dev.cosign.artifact.att.v1+json', 'attestation'],
  [manifest, 'application/sarif+json', 'report'],
  [manifest, 'application/vnd.wasm.config.v0+json', 'module'],
  [manifest, 'application/vnd.example.thing', 'artifact'],
])('%s of %s is a %s', (imageManifestMediaType, artifactMediaType, kind) => {
  expect(kindOf({ imageManifestMediaType, artifactMediaType })).toBe(kind);
});

test("BuildKit's attestations are told by their platform", () => {
  expect(kindOf({ imageManifestMediaType: manifest, platform: 'unknown/unknown' })).toBe('attestation');
  expect(kindOf({ imageManifestMediaType: manifest, platform: 'linux/arm64' })).toBe('image');
});

test('each kind has its clients', () => {
  expect([clientsOf('index')[0], clientsOf('chart')[0], clientsOf('sbom')[0]]).toEqual(['docker', 'helm', 'oras']);
});

test('digests are shortened to what people compare', () => {
  expect(shortDigest('sha256:0123456789abcdef0123')).toBe('sha256:0123456789ab…');
  expect(shortDigest('sha256:0123')).toBe('sha256:0123');
});
