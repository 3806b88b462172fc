// What a manifest names, read from its bytes: anything may stand there.

export interface Descriptor {
  digest: string;
  mediaType: string;
  /** In bytes; undefined where the manifest does not say. */
  size: number | undefined;
}

export interface Manifest {
  config: Descriptor | undefined;
  layers: Descriptor[];
  annotations: [string, string][];
}

type Value = Record<string, unknown>;

function object(value: unknown): Value {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Value) : {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function descriptor(value: unknown): Descriptor {
  const { digest, mediaType, size } = object(value);
  return { digest: text(digest), mediaType: text(mediaType), size: typeof size === 'number' ? size : undefined };
}

/** Undefined if the text is not JSON. */
export function readManifest(json: string): Manifest | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    return undefined;
  }
  const { config, layers, annotations } = object(parsed);
  return {
    config: config === undefined ? undefined : descriptor(config),
    layers: Array.isArray(layers) ? layers.map(descriptor) : [],
    annotations: Object.entries(object(annotations)).map(([key, value]) => [
      key,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  };
}

/** JSON for people: on many lines where it came on one, and no longer than most characters. */
export function readable(json: string, most: number): { shown: string; whole: boolean } {
  let shown = json;
  if (json.length <= most && !json.trim().includes('\n')) {
    try {
      shown = JSON.stringify(JSON.parse(json), null, 2);
    } catch {
      // as it is
    }
  }
  return shown.length <= most ? { shown, whole: true } : { shown: shown.slice(0, most), whole: false };
}
