// What an image says of itself, put in order for people.

import type { HistoryEntry, ImageConfiguration, ImageContent, LayerDescriptor } from '../../../api/twinport';

/** A step of the history, a layer, or both where it is known which step made which layer. */
export interface Step {
  number: number;
  entry?: HistoryEntry;
  layer?: LayerDescriptor;
}

/** The steps that the image was built by with their layers; where these cannot be told, layers and steps apart. */
export function stepsOf({ layers, configuration }: ImageContent): { together: boolean; steps: Step[]; layers: Step[] } {
  const history = configuration?.history ?? [];
  const together = history.length > 0 && history.every((e) => e.emptyLayer || e.layerIndex !== undefined);
  return {
    together,
    steps: history.map((entry, i) => ({
      number: i + 1,
      entry,
      ...(entry.layerIndex !== undefined && layers[entry.layerIndex] ? { layer: layers[entry.layerIndex]! } : {}),
    })),
    layers: together ? [] : layers.map((layer, i) => ({ number: i + 1, layer })),
  };
}

/** The bytes of all layers that are known. */
export function sizeOf(layers: readonly LayerDescriptor[]): number {
  return layers.reduce((sum, layer) => sum + (layer.layerSizeInBytes ?? 0), 0);
}

/** A step as its Dockerfile has it, where builders have written how they ran it. */
export function instruction(createdBy: string): string {
  const text = createdBy.replace(/\s+# buildkit$/, '');
  const legacy = /^\/bin\/sh -c #\(nop\)\s+/.exec(text);
  if (legacy) {
    return text.slice(legacy[0].length);
  }
  const run = /^(?:RUN )?(?:\|\d+ (?:.*? )?)?\/bin\/sh -c /s.exec(text);
  return run ? `RUN ${text.slice(run[0].length)}` : text;
}

/** Such as linux/arm64/v8; undefined where the configuration does not say. */
export function platformOf({ os, architecture, variant, osVersion }: ImageConfiguration): string | undefined {
  const parts = [os, architecture, variant].filter(Boolean).join('/');
  return parts === '' ? undefined : osVersion ? `${parts} (${osVersion})` : parts;
}

/** A command in its exec form, which shows where each argument begins and ends. */
export function execForm(parts: readonly string[]): string {
  return parts.length === 0 ? '' : JSON.stringify(parts).replaceAll('","', '", "');
}

/** KEY=value, in two: the first = parts them. */
export function variableOf(text: string): [string, string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** What is compared between platforms. */
export const compared = [
  'user',
  'entrypoint',
  'command',
  'workingDirectory',
  'environment',
  'exposedPorts',
  'volumes',
  'labels',
  'stopSignal',
] as const;
export type Compared = (typeof compared)[number];

/** Each as lines of text, in an order of its own where the configuration's means nothing. */
export function linesOf(configuration: ImageConfiguration, field: Compared): string[] {
  const value = configuration[field];
  if (field === 'entrypoint' || field === 'command') {
    const form = execForm(value as string[]);
    return form === '' ? [] : [form];
  }
  if (typeof value === 'string' || value === undefined) {
    return value ? [value] : [];
  }
  return Array.isArray(value)
    ? [...value].sort()
    : Object.entries(value)
        .map(([key, text]) => `${key}=${text}`)
        .sort();
}

export interface Comparison {
  /** What all have alike. */
  alike: Compared[];
  /** What differs, and of each image the lines that not all have. */
  different: { field: Compared; lines: string[][] }[];
}

/** Compares configurations; undefined stands for one that is not known, which is left out. */
export function compare(configurations: readonly (ImageConfiguration | undefined)[]): Comparison {
  const alike: Compared[] = [];
  const different: Comparison['different'] = [];
  for (const field of compared) {
    const lines = configurations.map((c) => (c ? linesOf(c, field) : undefined));
    const known = lines.filter((l) => l !== undefined);
    const common = new Set(known[0]?.filter((line) => known.every((other) => other.includes(line))));
    const own = lines.map((l) => l?.filter((line) => !common.has(line)) ?? []);
    if (own.every((l) => l.length === 0)) {
      alike.push(field);
    } else {
      different.push({ field, lines: own });
    }
  }
  return { alike, different };
}
