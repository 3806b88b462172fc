// What programs do with the AWS SDK for JavaScript. The endpoint and the accounts come as
// they come to any program: by variables, and by profiles. The server, and the faults of
// the connections to it, are those of TestJavaScriptSDK.
const assert = require('node:assert/strict');
const { createHash } = require('node:crypto');
const ecr = require('@aws-sdk/client-ecr');

const started = Date.now();
const client = new ecr.ECR();

// clock gives the program another clock than the server's while it does something.
async function clock(minutes, during) {
  const real = Date.now;
  Date.now = () => real() + minutes * 60_000;
  try {
    return await during();
  } finally {
    Date.now = real;
  }
}

async function fails(asking, type, words) {
  const error = await asking.then(
    (answer) => assert.fail(`${JSON.stringify(answer)} in place of ${type.name ?? type}`),
    (error) => error,
  );
  if (typeof type === 'string') {
    assert.equal(error.name, type);
  } else {
    assert.ok(error instanceof type, `${error.name} is no ${type.name}: ${error.message}`);
    assert.equal(error.name, type.name);
  }
  assert.ok(error instanceof ecr.ECRServiceException);
  assert.equal(error.$fault, 'client');
  assert.equal(error.$metadata.httpStatusCode, 400);
  assert.match(error.$metadata.requestId, /^[0-9a-f-]{36}$/);
  assert.equal(error.$metadata.attempts, 1, 'it was tried again');
  assert.match(error.message, words);
  return error;
}

// pages has all of a list that comes by pages of two, of which there are as many as need be.
async function pages(paginate, input, list, count) {
  const all = [];
  let seen = 0;
  for await (const page of paginate({ client, pageSize: 2 }, input)) {
    seen++;
    assert.ok(page[list].length <= 2);
    all.push(...page[list]);
  }
  assert.equal(all.length, count);
  assert.equal(seen, Math.ceil(count / 2));
  return all;
}

async function upload(repositoryName, text) {
  const bytes = new TextEncoder().encode(text);
  const layerDigest = 'sha256:' + createHash('sha256').update(bytes).digest('hex');
  const { uploadId, partSize } = await client.initiateLayerUpload({ repositoryName });
  assert.ok(partSize > 0);
  const half = Math.floor(bytes.length / 2);
  await fails(
    client.uploadLayerPart({
      repositoryName,
      uploadId,
      partFirstByte: 7,
      partLastByte: 7 + half,
      layerPartBlob: bytes.subarray(0, half + 1),
    }),
    ecr.InvalidLayerPartException,
    /./,
  ).then((error) => {
    assert.equal(error.uploadId, uploadId);
    assert.equal(error.repositoryName, repositoryName);
    assert.equal(error.registryId, process.env.ACCOUNT);
  });
  const part = await client.uploadLayerPart({
    repositoryName,
    uploadId,
    partFirstByte: 0,
    partLastByte: bytes.length - 1,
    layerPartBlob: bytes,
  });
  assert.equal(part.lastByteReceived, bytes.length - 1);
  const complete = await client.completeLayerUpload({ repositoryName, uploadId, layerDigests: [layerDigest] });
  assert.equal(complete.layerDigest, layerDigest);
  return { digest: layerDigest, size: bytes.length };
}

const mediaType = 'application/vnd.oci.image.manifest.v1+json';
let manifest;

async function images(repositoryName) {
  const config = await upload(repositoryName, JSON.stringify({ architecture: 'amd64', os: 'linux' }));
  const text = 'bytes of a layer: äöü, 日本';
  const layer = await upload(repositoryName, text);
  for (let i = 0; i < 5; i++) {
    manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
      layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...layer }],
      annotations: { number: String(i) },
    });
    const { image } = await client.putImage({ repositoryName, imageTag: `tag${i}`, imageManifest: manifest });
    assert.equal(image.imageManifest, manifest);
  }
  const { downloadUrl } = await client.getDownloadUrlForLayer({ repositoryName, layerDigest: layer.digest });
  assert.equal(await (await fetch(downloadUrl)).text(), text);
}

const walk = {
  async repositories() {
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      const { repository } = await client.createRepository({
        repositoryName: `team/${name}`,
        registryId: null,
        tags: [{ Key: 'team', Value: 'web' }],
        imageScanningConfiguration: undefined,
      });
      assert.ok(repository.createdAt instanceof Date);
      assert.ok(Math.abs(repository.createdAt - started) < 600_000, `made at ${repository.createdAt}`);
      assert.equal(repository.imageScanningConfiguration.scanOnPush, false);
    }
    const all = await pages(ecr.paginateDescribeRepositories, { repositoryNames: null }, 'repositories', 5);
    assert.equal(all.map((r) => r.repositoryName).join(), 'team/a,team/b,team/c,team/d,team/e');
    assert.ok(
      all.some((r) => r.createdAt.getMilliseconds() !== 0),
      'dates have whole seconds',
    );

    // A list is gone on with from what is remembered of it.
    const { nextToken } = await client.describeRepositories({ maxResults: 2 });
    const rest = [];
    for await (const page of ecr.paginateDescribeRepositories(
      { client, startingToken: nextToken },
      { maxResults: 2 },
    )) {
      rest.push(...page.repositories);
    }
    assert.equal(rest.length, 3);
    const last = await client.describeRepositories({ nextToken: null });
    assert.equal(last.nextToken, undefined);
  },

  async images() {
    await images('team/a');
    const ids = await pages(ecr.paginateListImages, { repositoryName: 'team/a' }, 'imageIds', 5);
    assert.equal(new Set(ids.map((id) => id.imageDigest)).size, 5);
    const details = await pages(ecr.paginateDescribeImages, { repositoryName: 'team/a' }, 'imageDetails', 5);
    for (const image of details) {
      assert.ok(Math.abs(image.imagePushedAt - started) < 600_000);
      assert.equal(image.imageScanStatus, undefined);
      assert.equal(image.imageManifestMediaType, mediaType);
      assert.ok(image.imageSizeInBytes > 0);
    }
    const tagged = await pages(
      ecr.paginateListImages,
      { repositoryName: 'team/a', filter: { tagStatus: 'TAGGED' } },
      'imageIds',
      5,
    );
    assert.equal(tagged[0].imageTag, 'tag4');
    const got = await client.batchGetImage({
      repositoryName: 'team/a',
      imageIds: [{ imageTag: 'tag4' }, { imageTag: 'none' }],
    });
    assert.equal(got.images[0].imageManifest, manifest);
    assert.equal(got.failures[0].failureCode, 'ImageNotFound');
    assert.deepEqual((await client.listImages({ repositoryName: 'team/b' })).imageIds, []);
    const { authorizationData } = await client.getAuthorizationToken({});
    const left = authorizationData[0].expiresAt - Date.now();
    assert.ok(left > 11.9 * 3_600_000 && left <= 12 * 3_600_000, `the token is valid for ${left} ms`);
  },

  async previews() {
    const repositoryName = 'team/a';
    const lifecyclePolicyText = JSON.stringify({
      rules: [
        {
          rulePriority: 1,
          selection: { tagStatus: 'any', countType: 'imageCountMoreThan', countNumber: 1 },
          action: { type: 'expire' },
        },
      ],
    });
    await fails(
      client.getLifecyclePolicyPreview({ repositoryName }),
      ecr.LifecyclePolicyPreviewNotFoundException,
      /There is no lifecycle policy preview/,
    );
    await client.startLifecyclePolicyPreview({ repositoryName, lifecyclePolicyText });
    const waited = await ecr.waitUntilLifecyclePolicyPreviewComplete(
      { client, minDelay: 1, maxDelay: 1, maxWaitTime: 60 },
      { repositoryName },
    );
    assert.equal(waited.state, 'SUCCESS');
    assert.equal(waited.reason.summary.expiringImageTotalCount, 4);
    const previewed = await pages(ecr.paginateGetLifecyclePolicyPreview, { repositoryName }, 'previewResults', 4);
    assert.equal(previewed[0].action.type, 'EXPIRE');
    assert.ok(previewed[0].imagePushedAt instanceof Date);
  },

  async scans() {
    const image = { repositoryName: 'team/a', imageId: { imageTag: 'tag0' } };
    await fails(client.startImageScan(image), ecr.ValidationException, /scan/);
    await fails(client.describeImageScanFindings(image), ecr.ScanNotFoundException, /./);
    // This SDK's waiter takes every exception for "not yet".
    const waiting = ecr.waitUntilImageScanComplete({ client, minDelay: 1, maxDelay: 1, maxWaitTime: 2 }, image);
    await assert.rejects(waiting, { name: 'TimeoutError' });
  },

  async backfills() {
    const destination = { region: process.env.OTHER_REGION, registryId: process.env.ACCOUNT };
    await client.putReplicationConfiguration({
      replicationConfiguration: { rules: [{ destinations: [destination] }] },
    });
    let started;
    for (let i = 0; i < 3; i++) {
      started = await client.startReplicationBackfill({ destination });
      assert.ok(started.startedAt instanceof Date);
      const { replicationBackfillId } = started;
      for (let status; status !== 'COMPLETE'; await new Promise((wake) => setTimeout(wake, 50))) {
        ({ status } = await client.describeReplicationBackfillResults({ replicationBackfillId }));
        assert.notEqual(status, 'FAILED');
      }
    }
    await pages(ecr.paginateListReplicationBackfills, {}, 'backfills', 3);
    await pages(
      ecr.paginateDescribeReplicationBackfillResults,
      { replicationBackfillId: started.replicationBackfillId },
      'results',
      5,
    );
  },

  async templates() {
    for (const prefix of ['x', 'y', 'z']) {
      await client.createRepositoryCreationTemplate({ prefix, appliedFor: ['REPLICATION'] });
    }
    await pages(ecr.paginateDescribeRepositoryCreationTemplates, {}, 'repositoryCreationTemplates', 3);
  },

  async errors() {
    const none = { repositoryName: 'none' };
    const a = { repositoryName: 'team/a' };
    const b = { repositoryName: 'team/b' };
    await fails(client.listImages(none), ecr.RepositoryNotFoundException, /'none' does not exist in the registry/);
    await fails(client.createRepository(a), ecr.RepositoryAlreadyExistsException, /already exists/);
    await fails(client.deleteRepository(a), ecr.RepositoryNotEmptyException, /still contains images/);
    await fails(client.createRepository({ repositoryName: 'A' }), ecr.InvalidParameterException, /repositoryName/);
    await fails(
      client.describeRepositories({ nextToken: 'made up', maxResults: 2 }),
      ecr.InvalidParameterException,
      /token/i,
    );
    await fails(client.describeImages({ ...a, imageIds: [{ imageTag: 'none' }] }), ecr.ImageNotFoundException, /none/);
    await fails(client.getRepositoryPolicy(b), ecr.RepositoryPolicyNotFoundException, /./);
    await fails(client.getLifecyclePolicy(b), ecr.LifecyclePolicyNotFoundException, /./);
    await fails(client.getRegistryPolicy({}), ecr.RegistryPolicyNotFoundException, /./);
    await fails(
      client.completeLayerUpload({
        ...b,
        uploadId: '6b1ea1a6-0ea7-4c8e-9b8e-6f9f5c8f1a11',
        layerDigests: ['sha256:' + '0'.repeat(64)],
      }),
      ecr.UploadNotFoundException,
      /./,
    );
    await fails(
      client.getDownloadUrlForLayer({ ...b, layerDigest: 'sha256:' + '0'.repeat(64) }),
      ecr.LayersNotFoundException,
      /./,
    );
    await fails(
      client.putImage({ ...a, imageTag: 'tag4', imageManifest: manifest }),
      ecr.ImageAlreadyExistsException,
      /tag4/,
    );
    const kms = await fails(
      client.createRepository({ repositoryName: 'kms', encryptionConfiguration: { encryptionType: 'KMS' } }),
      ecr.KmsException,
      /./,
    );
    assert.equal(kms.kmsError, 'UnsupportedOperationException');
    await fails(client.describePullThroughCacheRules({}), 'UnsupportedOperationException', /not implemented/);
    const stranger = new ecr.ECR({ profile: 'mallory' });
    await fails(
      stranger.listImages({ ...a, registryId: process.env.ACCOUNT }),
      'AccessDeniedException',
      /not authorized to perform: ecr:ListImages/,
    );
    const liar = new ecr.ECR({ credentials: { accessKeyId: process.env.KEY, secretAccessKey: 'wrong' } });
    await fails(liar.listImages(a), 'InvalidSignatureException', /./);
  },

  // Each of these meets what the test's proxy has for it before it is done.
  async faults() {
    const { repositoryArn } = (await client.describeRepositories({ repositoryNames: ['team/a'] })).repositories[0];
    const patient = new ecr.ECR({ maxAttempts: 5 });
    const registry = await patient.describeRegistry({});
    assert.equal(registry.registryId, process.env.ACCOUNT);
    assert.equal((await patient.listTagsForResource({ resourceArn: repositoryArn })).tags[0].Value, 'web');
    assert.equal((await patient.getRegistryScanningConfiguration({})).registryId, process.env.ACCOUNT);
    const scanning = await patient.batchGetRepositoryScanningConfiguration({ repositoryNames: ['team/a'] });
    assert.equal(scanning.scanningConfigurations.length, 1);
    const set = await patient.putImageTagMutability({ repositoryName: 'team/b', imageTagMutability: 'IMMUTABLE' });
    assert.equal(set.imageTagMutability, 'IMMUTABLE');
    const checked = await patient.batchCheckLayerAvailability({
      repositoryName: 'team/a',
      layerDigests: ['sha256:' + '0'.repeat(64)],
    });
    assert.equal(checked.layers[0].layerAvailability, 'UNAVAILABLE');
    assert.deepEqual(checked.failures, []);
  },

  // The quota of PutImage is one a second.
  async throttling() {
    const put = (client, imageTag) => client.putImage({ repositoryName: 'team/a', imageTag, imageManifest: manifest });
    const once = new ecr.ECR({ maxAttempts: 1 });
    await assert.rejects(
      async () => {
        for (let i = 0; i < 60; i++) await put(once, `burst${i}`);
      },
      { name: 'ThrottlingException', message: 'Rate exceeded' },
    );
    for (const retryMode of ['standard', 'adaptive']) {
      const patient = new ecr.ECR({ maxAttempts: 10, retryMode });
      let attempts = 1;
      for (let i = 0; attempts === 1 && i < 30; i++) {
        // on a slow machine a second may be over
        ({ attempts } = (await put(patient, retryMode + i)).$metadata);
      }
      assert.ok(attempts > 1, `${retryMode}: it was never told to wait`);
    }
  },

  // The SDK takes the time from the answer that says its own is wrong.
  async clocks() {
    for (const minutes of [40, -40]) {
      const { $metadata } = await clock(minutes, () => new ecr.ECR().describeRepositories({}));
      assert.equal($metadata.attempts, 2);
    }
  },
};

(async () => {
  for (const [name, step] of Object.entries(walk)) {
    try {
      await step();
    } catch (error) {
      error.message = `${name}: ${error.message}`;
      throw error;
    }
    console.log(name);
  }
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
