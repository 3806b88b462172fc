// The commands that push to and pull from this server.

/** How a registry is named (README, "Three ways to name a registry"). */
export type Naming = 'path' | 'host' | 'login';

export interface Place {
  account: string;
  region: string;
  repositoryName: string;
  /** Of the registry as ECR names it: <account>.dkr.ecr.<region>.<domain>, with a port. */
  registryHost: string;
  /** Where the console was loaded from, such as http://localhost:8080. */
  origin: string;
}

/** What docker login takes: a host, with a port where there is one. */
export function registryHost(naming: Naming, { origin, registryHost }: Place): string {
  if (naming === 'host') {
    return registryHost;
  }
  const { hostname, host, port, protocol } = new URL(origin);
  // A bare word would be taken for a user of Docker Hub.
  if (port === '' && hostname !== 'localhost' && !/[.:]/.test(hostname)) {
    return `${hostname}:${protocol === 'https:' ? 443 : 80}`;
  }
  return host;
}

/** The repository's name for docker, without a tag. */
export function imageName(naming: Naming, place: Place): string {
  const host = registryHost(naming, place);
  return naming === 'path'
    ? `${host}/${place.account}/${place.region}/${place.repositoryName}`
    : `${host}/${place.repositoryName}`;
}

/** Docker pulls over plain HTTP from the machine itself only, unless it is told otherwise. */
export function needsInsecureRegistry(origin: string): boolean {
  const { protocol, hostname } = new URL(origin);
  return protocol === 'http:' && !/^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

/** Logs docker in with the aws command: the same words in a shell of Linux, in PowerShell and in cmd. */
export function awsLogin(naming: Naming, place: Place): string {
  return `${passwordCommand(place)} | docker login --username AWS --password-stdin ${registryHost(naming, place)}`;
}

/** Prints a password, which holds for 12 hours. */
function passwordCommand(place: Place): string {
  return `aws ecr get-login-password --region ${place.region} --endpoint-url ${place.origin}`;
}

/** Logs docker in with curl, for a shell with an access key in the usual two variables. */
export function curlLogin(naming: Naming, place: Place): string {
  return [
    `curl -sS --aws-sigv4 "aws:amz:${place.region}:ecr" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"`,
    `  -H 'Content-Type: application/x-amz-json-1.1'`,
    `  -H 'X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken' -d '{}' ${place.origin}/`,
    `  | sed 's/.*"authorizationToken":"\\([^"]*\\)".*/\\1/' | base64 -d | cut -d: -f2`,
    `  | docker login --username AWS --password-stdin ${registryHost(naming, place)}`,
  ].join(' \\\n');
}

/** Asks for the password, which can be pasted. */
export function dockerLogin(naming: Naming, place: Place): string {
  return `docker login --username AWS ${registryHost(naming, place)}`;
}

export interface Push {
  build: string;
  tag: string;
  push: string;
}

export function pushCommands(naming: Naming, place: Place): Push {
  const local = `${place.repositoryName}:latest`;
  const remote = `${imageName(naming, place)}:latest`;
  return { build: `docker build -t ${local} .`, tag: `docker tag ${local} ${remote}`, push: `docker push ${remote}` };
}

/** The password of a token as GetAuthorizationToken gives it: base64 of AWS:password. */
export function passwordOf(authorizationToken: string): string {
  return atob(authorizationToken).replace(/^AWS:/, '');
}

/** What fetches artifacts. */
export type Client = 'docker' | 'podman' | 'crane' | 'kubernetes' | 'helm' | 'oras';

/** The command that fetches an artifact, or what has it fetched; reference is :tag or @digest. */
export function pullCommand(client: Client, name: string, reference: string, origin: string): string {
  const plain = new URL(origin).protocol === 'http:' ? ' --plain-http' : '';
  const image = `${name}${reference}`;
  switch (client) {
    case 'docker':
      return `docker pull ${image}`;
    case 'podman':
      // It takes no host for one that speaks plain HTTP, localhost neither.
      return `podman pull ${plain && '--tls-verify=false '}${image}`;
    case 'crane':
      // All platforms of an index, into a folder of OCI's layout. It finds out itself that localhost speaks plain HTTP.
      return `crane pull ${needsInsecureRegistry(origin) ? '--insecure ' : ''}--format=oci ${image} ${shortName(name)}`;
    case 'kubernetes':
      return podOf(shortName(name), image);
    case 'helm':
      // A tag has _ where the chart's version has +.
      return reference.startsWith(':')
        ? `helm pull oci://${name} --version ${reference.slice(1).replaceAll('_', '+')}${plain}`
        : `helm pull oci://${image}${plain}`;
    case 'oras':
      return `oras pull ${image}${plain}`;
  }
}

/** The last part of a repository's name, as a name that Kubernetes takes for a pod: RFC 1123 has no . and _ in labels. */
function shortName(name: string): string {
  return name
    .slice(name.lastIndexOf('/') + 1)
    .replaceAll(/[._]+/g, '-')
    .slice(0, 63)
    .replace(/-+$/, '');
}

const secretName = 'twinport';

/** A pod that runs the image, with the login that pullSecret makes. */
function podOf(name: string, image: string): string {
  return [
    'apiVersion: v1',
    'kind: Pod',
    'metadata:',
    `  name: ${name}`,
    'spec:',
    '  containers:',
    `    - name: ${name}`,
    `      image: ${image}`,
    '  imagePullSecrets:',
    `    - name: ${secretName}`,
  ].join('\n');
}

/** Gives a namespace of Kubernetes the login, or a newer one in its place. */
export function pullSecret(naming: Naming, place: Place): string {
  return [
    `kubectl create secret docker-registry ${secretName} --docker-server=${registryHost(naming, place)} \\`,
    `  --docker-username=AWS --docker-password="$(${passwordCommand(place)})" \\`,
    `  --dry-run=client -o yaml | kubectl apply -f -`,
  ].join('\n');
}

/** Logs another client than docker in with the aws command. */
export function clientLogin(client: 'podman' | 'crane' | 'helm' | 'oras', naming: Naming, place: Place): string {
  const host = registryHost(naming, place);
  const plain = new URL(place.origin).protocol === 'http:';
  const command = {
    podman: `podman login ${plain ? '--tls-verify=false ' : ''}--username AWS --password-stdin ${host}`,
    crane: `crane auth login --username AWS --password-stdin ${host}`,
    helm: `helm registry login ${plain ? '--plain-http ' : ''}--username AWS --password-stdin ${host}`,
    oras: `oras login ${plain ? '--plain-http ' : ''}--username AWS --password-stdin ${host}`,
  }[client];
  return `${passwordCommand(place)} | ${command}`;
}
