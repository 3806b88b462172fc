#!/bin/sh
# Pushes an image of 8 MB of noise in Tokyo, as app:TAG (1), and waits until
# Oregon has it.
set -eu
cd "$(dirname "$0")"
tag=${1:-1}
[ -s state/prod.secret ] || { echo "push.sh: run ./run.sh first, in another terminal" >&2; exit 1; }
tokyo=http://127.0.0.1:8081 oregon=http://127.0.0.1:8082

# call KEY ACCOUNT REGION URL OPERATION INPUT calls an operation. Secrets reach
# curl by its standard input, so that who lists processes does not see them.
call() {
	printf 'user = "%s:%s"' "$1" "$(cat "state/$2.secret")" | curl --config - --silent --show-error --fail-with-body \
		--aws-sigv4 "aws:amz:$3:ecr" --header 'Content-Type: application/x-amz-json-1.1' \
		--header "X-Amz-Target: $5" --data "$6" "$4/"
}
prod() { call AKIATWOREGIONSTOKYO1 prod ap-northeast-1 "$tokyo" "$@"; }
dev() { call AKIATWOREGIONSOREGON dev us-west-2 "$oregon" "$@"; }
ecr=AmazonEC2ContainerRegistry_V20150921 own=Twinport_V20261101

# member NAME prints a member of the JSON that it reads.
member() { sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p"; }

# What it takes: a repository, a rule, and the permission of the destination.
prod $ecr.DescribeRepositories '{"repositoryNames": ["app"]}' >/dev/null 2>&1 ||
	prod $ecr.CreateRepository '{"repositoryName": "app"}' >/dev/null
prod $ecr.PutReplicationConfiguration @rules.json >/dev/null
dev $ecr.PutRegistryPolicy "{\"policyText\": \"$(tr -d '\n' <policy.json | sed 's/"/\\"/g')\"}" >/dev/null

# oci ACCOUNT URL ARGUMENT... asks as a client that has logged in.
oci() {
	login=$("$1" $ecr.GetAuthorizationToken '{}' | member authorizationToken)
	url=$2
	shift 2
	printf 'header = "Authorization: Basic %s"' "$login" | curl --config - --silent --show-error --fail-with-body \
		"$@" "$url"
}
sum() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -c 1-64; }
source=$tokyo/v2/111122223333/ap-northeast-1/app target=$oregon/v2/444455556666/us-west-2/app
type=application/vnd.oci.image

# upload FILE pushes content, and prints what a manifest says of it.
upload() {
	digest=sha256:$(sum <"$1")
	oci prod "$source/blobs/uploads/?digest=$digest" --header 'Content-Type: application/octet-stream' \
		--data-binary "@$1"
	printf '"digest": "%s", "size": %d' "$digest" "$(wc -c <"$1")"
}
head -c 8000000 /dev/urandom >state/layer
printf '{"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": ["sha256:%s"]}}' \
	"$(sum <state/layer)" >state/config
layer=$(upload state/layer)
config=$(upload state/config)
cat >state/manifest <<END
{"schemaVersion": 2, "mediaType": "$type.manifest.v1+json",
 "config": {"mediaType": "$type.config.v1+json", $config}, "layers": [{"mediaType": "$type.layer.v1.tar", $layer}]}
END
oci prod "$source/manifests/$tag" --request PUT --header "Content-Type: $type.manifest.v1+json" \
	--data-binary @state/manifest
digest=sha256:$(sum <state/manifest)
echo "pushed app:$tag in Tokyo: $digest"

# The latest replication that is complete becomes this one.
tries=0
until prod $own.ListReplications '{"status": "COMPLETE", "maxResults": 1}' >state/replication &&
	grep -q "$digest" state/replication; do
	tries=$((tries + 1))
	if [ $tries -gt 300 ]; then
		echo "push.sh: it is not in Oregon yet:" >&2
		prod $own.ListReplications '{"maxResults": 1}' >&2
		exit 1
	fi
	sleep 0.1
done
arrived=sha256:$(oci dev "$target/manifests/$tag" --header "Accept: $type.manifest.v1+json" | sum)
echo "app:$tag is in Oregon, $(member lagInMillis <state/replication) ms later: $arrived"
[ "$arrived" = "$digest" ]
