#!/bin/sh
# Fails, and says why, if this machine's Node cannot build the console.
version=$(node --version 2>/dev/null) || version=none
case $version in
v20.19.* | v20.[2-9][0-9].* | v22.1[3-9].* | v22.[2-9][0-9].* | v2[3-9].* | v[3-9][0-9].*) ;;
*)
	echo "needs Node 20.19, 22.13 or later, as Debian has it from 13 on; here is $version"
	exit 1
	;;
esac
command -v npm >/dev/null || {
	echo "needs npm, which is not installed"
	exit 1
}
