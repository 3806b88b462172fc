const several = (count: number, one: string, many: string) =>
  `${count.toLocaleString('en')} ${count === 1 ? one : many}`;

/** What an image says of itself. */
export const content = {
  // Pull commands
  clients: {
    docker: 'Docker',
    podman: 'Podman',
    crane: 'crane',
    kubernetes: 'Kubernetes',
    helm: 'Helm',
    oras: 'ORAS',
  },
  whichTag: 'Tag',
  login: 'Log in first. The login holds for 12 hours.',
  podByTag: 'A pod by tag, which may be moved',
  podByDigest: 'A pod by digest: always this very image',
  pullSecret:
    'The login, as a secret of the namespace. Its password holds for 12 hours: run this again before then, in a CronJob for example.',
  craneAdvice: 'It writes a folder of OCI’s image layout, of an index with all platforms.',

  // Platforms
  platforms: 'Platforms',
  platformsAdvice: 'Each platform has an image of its own. Below is what their configurations do not have alike.',
  layerCount: 'Layers',
  created: 'Created',
  alike: (fields: string) => `The same in all: ${fields}.`,
  allAlike: 'All of their configurations say the same.',
  comparedOnly: (count: number) => `The configurations of the first ${count.toLocaleString('en')} are compared.`,
  notThere: 'Not in this repository',

  // Configuration
  configuration: 'Configuration',
  configurationAdvice: 'What the image says of itself: whoever pushed it wrote this.',
  user: 'User',
  userNone: 'Not set: root, or what the runtime chooses',
  entrypoint: 'Entrypoint',
  command: 'Command',
  workingDirectory: 'Working directory',
  exposedPorts: 'Exposed ports',
  volumes: 'Volumes',
  stopSignal: 'Stop signal',
  author: 'Author',
  environment: 'Environment',
  labels: 'Labels',
  notSet: 'Not set',
  name: 'Name',
  value: 'Value',
  truncated: 'A list of the configuration has more than 1,000 elements: the others are not shown.',
  statuses: {
    ARTIFACT: 'This is no container image: its config is of another type.',
    TOO_LARGE: 'The configuration is larger than 1 MiB, and is not read.',
    INVALID: 'The configuration is not what the specification of images says:',
    MISSING: 'The repository does not have the configuration, or its bytes are lost: push the image again.',
  } as Record<string, string>,

  // History and layers
  history: 'History and layers',
  historyOnly: 'History',
  historyApart:
    'The history does not say which step made which layer, because it has not as many steps as there are layers.',
  layersOf: (count: number, size: string) => `${several(count, 'layer', 'layers')}, ${size} as they are sent`,
  step: 'Step',
  layer: 'Layer',
  createdBy: 'Created by',
  noCommand: 'The history does not say',
  emptyLayer: 'No layer: changes no file',
  firstLayers: (count: number, all: number) =>
    `The first ${count.toLocaleString('en')} of ${several(all, 'layer', 'layers')} are shown.`,
  showAll: (count: number) => `Show all ${count.toLocaleString('en')}`,
};
