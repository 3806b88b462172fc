#!/bin/sh
# Runs the deployments tokyo and oregon, as peers, until Ctrl-C. It builds
# Twinport, unless BINARY names one. All that it makes is in state/, and what is
# there is used again.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p state

if [ -z "${BINARY-}" ]; then
	BINARY=state/twinport
	go build -o "$BINARY" ../../cmd/twinport
fi
for account in prod dev; do
	[ -s "state/$account.secret" ] || LC_ALL=C tr -dc A-Za-z0-9 </dev/urandom | head -c 40 >"state/$account.secret"
done

"$BINARY" serve --config tokyo.yaml >>state/tokyo.log 2>&1 &
tokyo=$!
"$BINARY" serve --config oregon.yaml >>state/oregon.log 2>&1 &
oregon=$!
trap 'kill "$tokyo" "$oregon" 2>/dev/null || true; wait' EXIT
trap 'exit 0' INT TERM

# ready PROCESS NAME ADDRESS waits for a deployment.
ready() {
	until curl --silent --fail --output /dev/null "http://$3/readyz"; do
		kill -0 "$1" 2>/dev/null || { tail -n 3 "state/$2.log" >&2; exit 1; }
		sleep 0.1
	done
	echo "$2 serves on http://$3; its log is state/$2.log"
}
ready "$tokyo" tokyo 127.0.0.1:8081
ready "$oregon" oregon 127.0.0.1:8082

# The code is all that the one needs of the other. Oregon lets Tokyo's account in.
if ! "$BINARY" peer list --config tokyo.yaml | grep -q '^oregon '; then
	code=$("$BINARY" peer invite --config tokyo.yaml 2>>state/tokyo.log)
	"$BINARY" peer join "$code" --accounts 111122223333 --config oregon.yaml >>state/oregon.log
fi
echo "They are peers. Now run ./push.sh in another terminal; Ctrl-C stops them."
wait
