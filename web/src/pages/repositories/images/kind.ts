// What an image is, told from its media types.

import type { Client } from '../../../parts/commands/commands';

export type Kind =
  'image' | 'index' | 'chart' | 'signature' | 'attestation' | 'bundle' | 'sbom' | 'report' | 'module' | 'artifact';

const indexes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];

/** What artifact types, or media types of configs, stand for. The first that fits is taken. */
const artifacts: [RegExp, Kind][] = [
  [/^application\/vnd\.(oci\.image\.config\.v1|docker\.container\.image\.v1)\+json$/, 'image'],
  [/^application\/vnd\.cncf\.helm\.config\./, 'chart'],
  [/^application\/vnd\.dev\.sigstore\.bundle\b/, 'bundle'], // a signature or an attestation: only its annotations tell
  [/^application\/vnd\.(dev\.cosign\.(artifact\.sig|simplesigning)\.|cncf\.notary\.signature$)/, 'signature'],
  [/sbom|spdx|cyclonedx|vnd\.syft\+json$/, 'sbom'],
  [
    /^application\/vnd\.(in-toto|dsse)\b|\.in-toto\+json$|^application\/vnd\.dev\.cosign\.artifact\.att\.|predicate|attestation/,
    'attestation',
  ],
  [/sarif|vuln|\.(report|scan)[.+]/, 'report'],
  [/^application\/(vnd\.)?wasm\b/, 'module'],
];

/** platform is what an index says of its child, such as linux/arm64. */
export function kindOf(image: {
  imageManifestMediaType?: string | undefined;
  artifactMediaType?: string | undefined;
  platform?: string | undefined;
}): Kind {
  const type = image.artifactMediaType ?? '';
  // BuildKit puts its attestations into the index, for no platform.
  if (image.platform === 'unknown/unknown') {
    return 'attestation';
  }
  const known = artifacts.find(([pattern]) => pattern.test(type))?.[1];
  if (indexes.includes(image.imageManifestMediaType ?? '')) {
    return known && known !== 'image' ? known : 'index';
  }
  return known ?? (type === '' ? 'image' : 'artifact');
}

/** The clients that fetch it, the one that most use first. */
export function clientsOf(kind: Kind): Client[] {
  if (kind === 'image' || kind === 'index') {
    return ['docker', 'podman', 'crane', 'kubernetes'];
  }
  return kind === 'chart' ? ['helm', 'oras'] : ['oras'];
}

/** The beginning of a digest, as people compare it. */
export function shortDigest(digest: string): string {
  const [algorithm, encoded = ''] = digest.split(':');
  return encoded.length > 12 ? `${algorithm}:${encoded.slice(0, 12)}…` : digest;
}
