// A Twinport of its own for a test: the real program, in a folder that goes with it.

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import type { ECR } from '../src/api/ecr';
import type { Twinport } from '../src/api/twinport';
import { tool } from './tools';

export interface Account {
  id: string;
  name: string;
  key: string;
  secret: string;
}

export const prod: Account = {
  id: '111122223333',
  name: 'prod',
  key: 'AKIAPRODEXAMPLE00001',
  secret: 'prod+secret/kept/by/the/tests/only000001',
};
export const dev: Account = {
  id: '444455556666',
  name: 'dev',
  key: 'AKIADEVEXAMPLE000002',
  secret: 'dev+secret/kept/by/the/tests/only0000002',
};
export const virginia = 'us-east-1';
export const tokyo = 'ap-northeast-1';
export const oregon = 'us-west-2';

export interface Registry {
  account: Account;
  region: string;
}

const patience = 30_000;
const run = promisify(execFile);

export class Server {
  readonly folder = mkdtempSync(join(tmpdir(), 'twinport-console-'));
  private readonly cookies = new Map<string, string>();
  private process: ChildProcess | undefined;
  private log = '';

  private constructor(
    private readonly program: string,
    readonly port: number,
  ) {}

  /** Starts a server with the accounts prod and dev, which operates it, and two Regions; or another deployment, with others. */
  static async start(
    program: string,
    { name, regions } = { name: 'tokyo', regions: [tokyo, virginia] },
  ): Promise<Server> {
    const server = new Server(program, await freePort());
    const accounts = [prod, dev].map(
      (a) => `  - {id: "${a.id}", name: ${a.name}, access_keys: [{id: ${a.key}, secret: "${a.secret}"}]}\n`,
    );
    writeFileSync(
      join(server.folder, 'twinport.yaml'),
      `listen: 127.0.0.1:${server.port}\ndata: ${server.folder}/data\nregions: [${regions.join(', ')}]\n` +
        `deployment: {name: ${name}, url: "${server.url}"}\noperators: ["${dev.id}"]\naccounts:\n${accounts.join('')}`,
      { mode: 0o600 },
    );
    await server.begin();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Starts the program, and waits until it serves. */
  async begin(): Promise<void> {
    // Should the tests end without a chance to clean up, the server ends too.
    const child = spawn(tool('setpriv'), ['--pdeathsig', 'KILL', this.program, 'serve', '--config', 'twinport.yaml'], {
      cwd: this.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.process = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.log += text));
    }
    for (const deadline = Date.now() + patience; ; await sleep(20)) {
      if (child.exitCode !== null) {
        throw new Error(`serve ended at its start:\n${this.log}`);
      }
      if (
        await fetch(`${this.url}/readyz`).then(
          (r) => r.ok,
          () => false,
        )
      ) {
        return;
      }
      if (Date.now() > deadline) {
        throw new Error(`serve is not ready after ${patience} ms:\n${this.log}`);
      }
    }
  }

  /** Ends the program, and waits for its end. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.process;
    if (!child || child.exitCode !== null || child.signalCode !== null) {
      return;
    }
    const exited = new Promise((resolve) => child.once('close', resolve));
    const kill = setTimeout(() => child.kill('SIGKILL'), patience);
    child.kill(signal);
    await exited;
    clearTimeout(kill);
  }

  /** Ends the server for good, and reads its log for signs of what must never happen. */
  async end(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
    for (const sign of ['WARNING: DATA RACE', 'panic:', 'fatal error:', prod.secret, dev.secret]) {
      const at = this.log.indexOf(sign);
      if (at >= 0) {
        throw new Error(`the server's log has ${sign}:\n${this.log.slice(at, at + 4000)}`);
      }
    }
  }

  /** Runs a command that begins with twinport, as whoever runs the server, and returns what it prints. */
  async command(text: string): Promise<string> {
    const [, ...args] = text.split(' ');
    return (await run(this.program, [...args, '--config', 'twinport.yaml'], { cwd: this.folder })).stdout;
  }

  /** Calls an operation of Amazon ECR. */
  ecr<Name extends keyof ECR>(registry: Registry, name: Name, input: ECR[Name]['in']): Promise<ECR[Name]['out']> {
    return this.call(registry, `AmazonEC2ContainerRegistry_V20150921.${name}`, input);
  }

  /** Calls one of Twinport's own operations. */
  twinport<Name extends keyof Twinport>(
    registry: Registry,
    name: Name,
    input: Twinport[Name]['in'],
  ): Promise<Twinport[Name]['out']> {
    return this.call(registry, `Twinport_V20261101.${name}`, input);
  }

  private async call<Out>({ account, region }: Registry, target: string, input: unknown): Promise<Out> {
    const answer = await fetch(this.url, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/x-amz-json-1.1',
        'X-Amz-Target': target,
        'X-Twinport-Registry': `${account.id}/${region}`,
        Cookie: await this.cookie(account),
      },
      body: JSON.stringify(input),
    });
    if (!answer.ok) {
      throw new Error(`${target} in ${account.name}, ${region}: ${answer.status} ${await answer.text()}`);
    }
    return (await answer.json()) as Out;
  }

  /** The cookie of a session of the account's that no browser has. */
  private async cookie(account: Account): Promise<string> {
    let cookie = this.cookies.get(account.id);
    if (!cookie) {
      const answer = await fetch(`${this.url}/console/session`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ accessKeyId: account.key, secretAccessKey: account.secret }),
      });
      cookie = answer.headers.get('Set-Cookie')?.split(';')[0];
      if (!answer.ok || !cookie) {
        throw new Error(`sign in to ${account.name}: ${answer.status} ${await answer.text()}`);
      }
      this.cookies.set(account.id, cookie);
    }
    return cookie;
  }

  /** Pushes an image with crane and returns its digest; text makes it another image. */
  async push(registry: Registry, name: string, text: string, mebibytes = 0): Promise<string> {
    const layer = join(this.folder, 'layer.tar');
    writeFileSync(join(this.folder, 'hello.txt'), text);
    writeFileSync(join(this.folder, 'ballast'), randomBytes(mebibytes << 20));
    await run('tar', ['-cf', layer, '-C', this.folder, 'hello.txt', 'ballast']);
    const image = this.image(registry, name);
    await this.client('crane', registry, ['append', '--new_layer', layer, '--new_tag', image]);
    return (await this.client('crane', registry, ['digest', image])).trim();
  }

  /** How clients on this machine name an image of the registry. */
  image({ account, region }: Registry, name: string): string {
    return `127.0.0.1:${this.port}/${account.id}/${region}/${name}`;
  }

  /** Runs a client that is logged in to the registry, and returns what it prints. */
  async client(name: 'crane' | 'oras', registry: Registry, args: string[]): Promise<string> {
    const home = join(this.folder, `home-${registry.account.id}-${registry.region}`);
    const token = await this.call<{ authorizationData: [{ authorizationToken: string }] }>(
      registry,
      'AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken',
      {},
    );
    mkdirSync(home, { recursive: true });
    writeFileSync(
      join(home, 'config.json'),
      JSON.stringify({
        auths: { [`127.0.0.1:${this.port}`]: { auth: token.authorizationData[0].authorizationToken } },
      }),
      { mode: 0o600 },
    );
    const { stdout } = await run(tool(name), args, {
      cwd: this.folder,
      env: { ...process.env, HOME: home, DOCKER_CONFIG: home },
    });
    return stdout;
  }
}

/** A port that is free now, below those that the system gives to clients: nobody takes it while the server restarts. */
async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = 15_000 + Math.floor(Math.random() * 17_000);
    const free = await new Promise<boolean>((resolve) => {
      const listener = createServer().once('error', () => resolve(false));
      listener.listen(port, '127.0.0.1', () => listener.close(() => resolve(true)));
    });
    if (free) {
      return port;
    }
  }
  throw new Error('no port is free');
}
