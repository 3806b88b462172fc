#!/bin/sh
# Installs what the whole-program tests drive. Usage:
#
#   test/tools.sh FOLDER MODULE/PATH@VERSION…
#
# Debian packages are installed when run as root where apt-get exists. Each Go
# program goes to FOLDER/<name>@<version>/<name>, the npm packages of test/sdks to
# FOLDER/sdks@<checksum of what they are locked to>. A client that cannot be had
# is named in one line with the reason, and its tests are skipped. MORE names
# packages besides those of `make test`.
set -eu
folder=$1
shift
go=${GO:-go}

left_out() { echo "left out: $1 ($2)"; }

# has COMMAND tells whether the command is there. Debian keeps those of
# PostgreSQL's server out of PATH.
has() {
	PATH="$PATH:/usr/sbin:/sbin:$(echo /usr/lib/postgresql/*/bin | tr ' ' :)" command -v "$1" >/dev/null
}

# debian COMMAND PACKAGE… installs the packages unless the command is there.
debian() {
	command=$1
	shift
	has "$command" && return
	if [ "$(id -u)" != 0 ]; then
		left_out "$command" "not installed; installing Debian's $* needs root"
	elif ! command -v apt-get >/dev/null; then
		left_out "$command" "not installed, and there is no apt-get to install $* with"
	elif ! install_packages "$@"; then
		left_out "$command" "apt-get could not install $*: $(tail -n 1 "$log")"
	fi
}

# install_packages tells the packages' own scripts to start no service: the
# tests start what they need. The package lists are fetched once, when needed.
install_packages() {
	echo "installing Debian packages: $*"
	apt install "$@" && return
	[ -z "$updated" ] || return 1
	updated=yes
	apt update && apt install "$@"
}

apt() {
	verb=$1
	shift
	RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends "$verb" "$@" >"$log" 2>&1 </dev/null
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
updated=

debian cc gcc libc6-dev
debian skopeo skopeo
debian dockerd docker.io
# Newer Debian releases package the client apart from the engine.
debian docker docker-cli
debian aws awscli
# boto3 is no command. Any Python that has it will do.
if ! python3 -c 'import boto3' 2>/dev/null && ! /usr/bin/python3 -c 'import boto3' 2>/dev/null; then
	debian boto3 python3-boto3
fi
# The tests make databases of their own. On a machine that is new to PostgreSQL,
# its package is told to make none for the machine.
if ! has postgres && ! has pg_createcluster; then
	debian pg_createcluster postgresql-common
	conf=/etc/postgresql-common/createcluster.conf
	[ ! -e $conf ] || sed -i 's/^#* *create_main_cluster.*/create_main_cluster = false/' $conf
fi
debian postgres postgresql
debian haproxy haproxy
for package in ${MORE:-}; do
	debian "$package" "$package"
done
debian chromium chromium
# Without a font for them, texts in Japanese are not looked at by the checks for accessibility.
[ -n "$(fc-list :lang=ja 2>/dev/null)" ] || debian japanese-font fonts-noto-cjk
debian node nodejs
debian npm npm
no_node=$("$(dirname "$0")/node.sh") || left_out "the console's tests, and those of JavaScript clients" "$no_node"
command -v kubectl >/dev/null || left_out kubectl "not installed, and too old in Debian"
command -v terraform >/dev/null || left_out terraform "not installed, and not in Debian"

sdks=$(dirname "$0")/sdks
home=$folder/sdks@$(cksum <"$sdks/package-lock.json" | cut -d' ' -f1)
if [ -z "$no_node" ] && [ ! -e "$home/node_modules/.package-lock.json" ]; then # npm writes it last
	echo "installing JavaScript clients"
	rm -rf "$folder/sdks@"*
	mkdir -p "$home"
	cp "$sdks/package.json" "$sdks/package-lock.json" "$home"
	(cd "$home" && npm ci --ignore-scripts --no-audit --no-fund --loglevel error) >"$log" 2>&1 ||
		left_out "JavaScript clients" "npm could not install them: $(grep -m 1 -v '^ *$' "$log")"
fi

for module; do
	version=${module##*@}
	path=${module%@*}
	name=${path##*/}
	home=$folder/$name@$version
	[ -x "$home/$name" ] && continue
	echo "installing $name $version"
	rm -rf "$folder/$name@"*
	GOBIN=$home "$go" install "$module" 2>"$log" && continue
	# A module with replace or exclude directives is built as the main one.
	main=$(sed -n 's/.*(in \([^ ]*\)):$/\1/p' "$log")
	if [ -z "$main" ]; then
		cat "$log" >&2
		exit 1
	fi
	dir=$("$go" mod download -json "$main" | sed -n 's/.*"Dir": "\(.*\)",*$/\1/p')
	(cd "$dir" && "$go" build -o "$home/$name" "./${path#"${main%@*}"/}")
done
