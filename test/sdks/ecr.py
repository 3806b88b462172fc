"""What programs do with boto3. The endpoint and the accounts come as they come to any
program: by variables, and by profiles. The server, and the faults of the connections to
it, are those of TestBoto3."""

import datetime
import hashlib
import json
import os
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, WaiterError

started = datetime.datetime.now(datetime.timezone.utc)
account = os.environ["ACCOUNT"]
media_type = "application/vnd.oci.image.manifest.v1+json"


old = tuple(map(int, boto3.__version__.split(".")[:2])) < (1, 28)


def new_client(profile=None, **options):
    # An old one does not know the variable.
    endpoint = {"endpoint_url": os.environ["AWS_ENDPOINT_URL"]} if old else {}
    return boto3.Session(profile_name=profile).client("ecr", config=Config(**options), **endpoint)


client = new_client()


def knows(operation):
    """An operation is left out where boto3 is older than it is."""
    return hasattr(client, operation)


def whole(answer):
    """Answers have no null; each request has an id."""
    metadata = answer.pop("ResponseMetadata")
    assert metadata["HTTPStatusCode"] == 200 and metadata["RequestId"], metadata

    def look(value):
        assert value is not None, answer
        for below in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
            look(below)

    look(answer)
    return answer


def fails(name, words, operation, **parameters):
    try:
        answer = getattr(client, operation)(**parameters)
    except ClientError as error:
        kind = getattr(client.exceptions, name, ClientError)
        assert isinstance(error, kind), f"{type(error)}, want {kind}: {error}"
        assert error.response["Error"]["Code"] == name, error
        assert words in error.response["Error"]["Message"], error
        metadata = error.response["ResponseMetadata"]
        assert metadata["HTTPStatusCode"] == 400 and metadata["RequestId"] and metadata["RetryAttempts"] == 0, metadata
        return error.response
    raise AssertionError(f"{operation} gave {answer}, want {name}")


def now(moment):
    assert moment.tzinfo is not None and abs(moment - started) < datetime.timedelta(minutes=10), moment


def pages(operation, what, count, **parameters):
    """All of a list that comes by pages of two, of which there are as many as need be."""
    found = []
    seen = 0
    for page in client.get_paginator(operation).paginate(PaginationConfig={"PageSize": 2}, **parameters):
        whole(page)
        seen += 1
        assert len(page[what]) <= 2, page
        found += page[what]
    assert len(found) == count and seen == (count + 1) // 2, f"{seen} pages of {found}"
    return found


def repositories():
    for name in "abcde":
        made = whole(client.create_repository(repositoryName=f"team/{name}", tags=[{"Key": "team", "Value": "web"}]))
        now(made["repository"]["createdAt"])
        assert made["repository"]["imageScanningConfiguration"] == {"scanOnPush": False}
    names = [r["repositoryName"] for r in pages("describe_repositories", "repositories", 5)]
    assert names == ["team/a", "team/b", "team/c", "team/d", "team/e"], names

    # A list is gone on with from what is remembered of it.
    listing = client.get_paginator("describe_repositories")
    first = listing.paginate(PaginationConfig={"PageSize": 2, "MaxItems": 3}).build_full_result()
    rest = listing.paginate(
        PaginationConfig={"PageSize": 2, "StartingToken": first["NextToken"]}
    ).build_full_result()
    names = [r["repositoryName"] for r in first["repositories"] + rest["repositories"]]
    assert names == ["team/a", "team/b", "team/c", "team/d", "team/e"], names
    found = listing.paginate().search("repositories[?repositoryName=='team/b'].repositoryArn")
    assert len(list(found)) == 1


def upload(repository, blob):
    digest = "sha256:" + hashlib.sha256(blob).hexdigest()
    upload_id = whole(client.initiate_layer_upload(repositoryName=repository))["uploadId"]
    refused = fails("InvalidLayerPartException", "", "upload_layer_part", repositoryName=repository, uploadId=upload_id,
                    partFirstByte=7, partLastByte=8, layerPartBlob=blob[:2])
    assert refused["uploadId"] == upload_id and refused["registryId"] == account, refused
    whole(client.upload_layer_part(repositoryName=repository, uploadId=upload_id, partFirstByte=0,
                                   partLastByte=len(blob) - 1, layerPartBlob=blob))
    done = whole(client.complete_layer_upload(repositoryName=repository, uploadId=upload_id, layerDigests=[digest]))
    assert done["layerDigest"] == digest
    return {"digest": digest, "size": len(blob)}


def images():
    global manifest
    config = upload("team/a", json.dumps({"architecture": "amd64", "os": "linux"}).encode())
    blob = "bytes of a layer: äöü, 日本".encode()
    layer = upload("team/a", blob)
    for i in range(5):
        manifest = json.dumps({
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", **layer}],
            "annotations": {"number": str(i)},
        })
        put = whole(client.put_image(repositoryName="team/a", imageTag=f"tag{i}", imageManifest=manifest))
        assert put["image"]["imageManifest"] == manifest
    url = client.get_download_url_for_layer(repositoryName="team/a", layerDigest=layer["digest"])["downloadUrl"]
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == blob

    ids = pages("list_images", "imageIds", 5, repositoryName="team/a", filter={"tagStatus": "TAGGED"})
    assert len({i["imageDigest"] for i in ids}) == 5 and ids[0]["imageTag"] == "tag4", ids
    for image in pages("describe_images", "imageDetails", 5, repositoryName="team/a"):
        now(image["imagePushedAt"])
        assert "imageScanStatus" not in image and image["imageSizeInBytes"] > 0, image
    got = whole(client.batch_get_image(repositoryName="team/a", imageIds=[{"imageTag": "tag4"}, {"imageTag": "none"}]))
    assert got["images"][0]["imageManifest"] == manifest
    assert got["failures"][0]["failureCode"] == "ImageNotFound"
    assert whole(client.list_images(repositoryName="team/b"))["imageIds"] == []
    expires = whole(client.get_authorization_token())["authorizationData"][0]["expiresAt"]
    now(expires - datetime.timedelta(hours=12))


def previews():
    fails("LifecyclePolicyPreviewNotFoundException", "", "get_lifecycle_policy_preview", repositoryName="team/a")
    policy = {"rules": [{"rulePriority": 1, "action": {"type": "expire"}, "selection": {
        "tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}}]}
    whole(client.start_lifecycle_policy_preview(repositoryName="team/a", lifecyclePolicyText=json.dumps(policy)))
    client.get_waiter("lifecycle_policy_preview_complete").wait(
        repositoryName="team/a", WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    found = pages("get_lifecycle_policy_preview", "previewResults", 4, repositoryName="team/a")
    assert found[0]["action"]["type"] == "EXPIRE", found
    now(found[0]["imagePushedAt"])


def scans():
    image = {"repositoryName": "team/a", "imageId": {"imageTag": "tag0"}}
    fails("ValidationException", "scan", "start_image_scan", **image)
    fails("ScanNotFoundException", "", "describe_image_scan_findings", **image)
    try:  # this waiter takes every exception for the end
        client.get_waiter("image_scan_complete").wait(WaiterConfig={"Delay": 1, "MaxAttempts": 10}, **image)
    except WaiterError as error:
        assert error.last_response["Error"]["Code"] == "ScanNotFoundException", error
    else:
        raise AssertionError("a scan is complete")


def templates():
    if not knows("create_repository_creation_template"):
        return
    for prefix in "xyz":
        made = whole(client.create_repository_creation_template(prefix=prefix, appliedFor=["REPLICATION"]))
        now(made["repositoryCreationTemplate"]["createdAt"])
    pages("describe_repository_creation_templates", "repositoryCreationTemplates", 3)


def errors():
    global client
    a, b = {"repositoryName": "team/a"}, {"repositoryName": "team/b"}
    nothing = "sha256:" + "0" * 64
    fails("RepositoryNotFoundException", "'none' does not exist in the registry", "list_images", repositoryName="none")
    fails("RepositoryAlreadyExistsException", "already exists", "create_repository", **a)
    fails("RepositoryNotEmptyException", "still contains images", "delete_repository", **a)
    fails("InvalidParameterException", "repositoryName", "create_repository", repositoryName="Not")
    fails("InvalidParameterException", "oken", "describe_repositories", nextToken="made up", maxResults=2)
    fails("ImageNotFoundException", "none", "describe_images", imageIds=[{"imageTag": "none"}], **a)
    fails("RepositoryPolicyNotFoundException", "", "get_repository_policy", **b)
    fails("LifecyclePolicyNotFoundException", "", "get_lifecycle_policy", **b)
    fails("RegistryPolicyNotFoundException", "", "get_registry_policy")
    fails("UploadNotFoundException", "", "complete_layer_upload", layerDigests=[nothing],
          uploadId="6b1ea1a6-0ea7-4c8e-9b8e-6f9f5c8f1a11", **b)
    fails("LayersNotFoundException", "", "get_download_url_for_layer", layerDigest=nothing, **b)
    fails("ImageAlreadyExistsException", "tag4", "put_image", imageTag="tag4", imageManifest=manifest, **a)
    refused = fails("KmsException", "", "create_repository", repositoryName="kms",
                    encryptionConfiguration={"encryptionType": "KMS"})
    assert refused["kmsError"] == "UnsupportedOperationException", refused
    if knows("describe_pull_through_cache_rules"):
        fails("UnsupportedOperationException", "not implemented", "describe_pull_through_cache_rules")
    mine, client = client, new_client(profile="mallory")
    fails("AccessDeniedException", "not authorized to perform: ecr:ListImages", "list_images", registryId=account, **a)
    client = mine


def faults():
    """Each of these meets what the test's proxy has for it before it is done."""
    patient = new_client(retries={"mode": "standard", "max_attempts": 5})
    arn = client.describe_repositories(repositoryNames=["team/a"])["repositories"][0]["repositoryArn"]
    assert whole(patient.describe_registry())["registryId"] == account
    if old:  # it takes an answer that was cut for a whole one
        patient.list_tags_for_resource(resourceArn=arn)
    assert whole(patient.list_tags_for_resource(resourceArn=arn))["tags"] == [{"Key": "team", "Value": "web"}]
    assert whole(patient.get_registry_scanning_configuration())["registryId"] == account
    scanning = whole(patient.batch_get_repository_scanning_configuration(repositoryNames=["team/a"]))
    assert len(scanning["scanningConfigurations"]) == 1
    put = whole(patient.put_image_tag_mutability(repositoryName="team/b", imageTagMutability="IMMUTABLE"))
    assert put["imageTagMutability"] == "IMMUTABLE"
    checked = whole(patient.batch_check_layer_availability(
        repositoryName="team/a", layerDigests=["sha256:" + "0" * 64]))
    assert checked["layers"][0]["layerAvailability"] == "UNAVAILABLE" and checked["failures"] == [], checked


def throttling():
    """The quota of PutImage is one a second."""

    def put(client, tag):
        return client.put_image(repositoryName="team/a", imageTag=tag, imageManifest=manifest)

    once = new_client(retries={"mode": "standard", "total_max_attempts": 1})
    try:
        for i in range(60):
            put(once, f"burst{i}")
    except ClientError as error:
        assert error.response["Error"] == {"Code": "ThrottlingException", "Message": "Rate exceeded"}, error.response
    else:
        raise AssertionError("60 requests were not too many")
    for mode in "legacy", "standard", "adaptive":
        patient = new_client(retries={"mode": mode, "total_max_attempts": 10})
        retries = i = 0
        while retries == 0 and i < 30:  # on a slow machine a second may be over
            retries = put(patient, f"{mode}{i}")["ResponseMetadata"]["RetryAttempts"]
            i += 1
        assert retries > 0, f"{mode}: it was never told to wait"


for step in repositories, images, previews, scans, templates, errors, faults, throttling:
    try:
        step()
    except Exception as error:
        raise SystemExit(f"boto3 {boto3.__version__}, {step.__name__}: {error!r}") from error
    print(step.__name__)
