import { expect, test } from 'vitest';

import {
  awsLogin,
  clientLogin,
  curlLogin,
  imageName,
  needsInsecureRegistry,
  passwordOf,
  pullCommand,
  pullSecret,
  pushCommands,
  registryHost,
  type Place,
} from './commands';

const place: Place = {
  account: '111122223333',
  region: 'us-east-1',
  repositoryName: 'team/app',
  registryHost: '111122223333.dkr.ecr.us-east-1.localhost:8080',
  origin: 'http://localhost:8080',
};

test('the three ways to name a registry', () => {
  expect(imageName('host', place)).toBe('111122223333.dkr.ecr.us-east-1.localhost:8080/team/app');
  expect(imageName('path', place)).toBe('localhost:8080/111122223333/us-east-1/team/app');
  expect(imageName('login', place)).toBe('localhost:8080/team/app');
});

test.each([
  ['https://registry.example.com', 'registry.example.com'],
  ['https://registry.example.com:8443', 'registry.example.com:8443'],
  ['http://localhost', 'localhost'],
  ['https://registry', 'registry:443'],
  ['http://registry', 'registry:80'],
  ['http://127.0.0.1:5000', '127.0.0.1:5000'],
])('from %s docker logs in to %s', (origin, host) => {
  expect(registryHost('path', { ...place, origin })).toBe(host);
});

test('push commands name one image throughout', () => {
  const { build, tag, push } = pushCommands('path', place);
  expect(build).toBe('docker build -t team/app:latest .');
  expect(tag).toBe('docker tag team/app:latest localhost:8080/111122223333/us-east-1/team/app:latest');
  expect(push).toBe('docker push localhost:8080/111122223333/us-east-1/team/app:latest');
});

test('logins ask this server for the password', () => {
  expect(awsLogin('host', place)).toBe(
    'aws ecr get-login-password --region us-east-1 --endpoint-url http://localhost:8080 | docker login --username AWS --password-stdin 111122223333.dkr.ecr.us-east-1.localhost:8080',
  );
  expect(curlLogin('path', place)).toContain("-d '{}' http://localhost:8080/ ");
});

test.each([
  ['http://localhost:8080', false],
  ['http://127.0.0.1:8080', false],
  ['http://x.localhost', false],
  ['https://registry.example.com', false],
  ['http://registry.example.com', true],
  ['http://10.0.0.7:8080', true],
])('%s needs docker to be told that it may be insecure: %s', (origin, needed) => {
  expect(needsInsecureRegistry(origin)).toBe(needed);
});

test.each([
  ['docker', ':1', 'http://localhost:8080', 'docker pull localhost/app:1'],
  ['docker', '@sha256:00', 'https://example.com', 'docker pull localhost/app@sha256:00'],
  ['podman', ':1', 'https://example.com', 'podman pull localhost/app:1'],
  ['podman', '@sha256:00', 'http://localhost:8080', 'podman pull --tls-verify=false localhost/app@sha256:00'],
  ['crane', ':1', 'http://localhost:8080', 'crane pull --format=oci localhost/app:1 app'],
  ['crane', '@sha256:00', 'http://registry', 'crane pull --insecure --format=oci localhost/app@sha256:00 app'],
  ['helm', ':1.0.0', 'https://example.com', 'helm pull oci://localhost/app --version 1.0.0'],
  ['helm', ':1.0.0_7', 'https://example.com', 'helm pull oci://localhost/app --version 1.0.0+7'],
  ['helm', '@sha256:00', 'http://localhost:8080', 'helm pull oci://localhost/app@sha256:00 --plain-http'],
  ['oras', ':1', 'http://127.0.0.1:8080', 'oras pull localhost/app:1 --plain-http'],
] as const)('%s pulls %s from %s', (client, reference, origin, command) => {
  expect(pullCommand(client, 'localhost/app', reference, origin)).toBe(command);
});

test('a pod has a name that Kubernetes takes', () => {
  const pod = (name: string) => pullCommand('kubernetes', `localhost:8080/${name}`, ':1', 'http://localhost:8080');
  expect(pod('team/my_app.web').split('\n').slice(2)).toEqual([
    'metadata:',
    '  name: my-app-web',
    'spec:',
    '  containers:',
    '    - name: my-app-web',
    '      image: localhost:8080/team/my_app.web:1',
    '  imagePullSecrets:',
    '    - name: twinport',
  ]);
  const long = /name: (.*)/.exec(pod('a'.repeat(62) + '.b'))![1]!;
  expect(long).toBe('a'.repeat(62));
});

test('logins of other clients ask this server for the password', () => {
  expect(clientLogin('crane', 'path', place)).toBe(
    'aws ecr get-login-password --region us-east-1 --endpoint-url http://localhost:8080 | crane auth login --username AWS --password-stdin localhost:8080',
  );
  expect(clientLogin('podman', 'path', place)).toContain('podman login --tls-verify=false --username AWS');
  expect(clientLogin('oras', 'host', { ...place, origin: 'https://example.com' })).toContain('oras login --username');
  expect(pullSecret('path', place)).toContain(
    '--docker-server=localhost:8080 \\\n  --docker-username=AWS --docker-password="$(aws ecr get-login-password --region us-east-1',
  );
});

test('the password of a token', () => {
  expect(passwordOf(btoa('AWS:tp.secret'))).toBe('tp.secret');
});
