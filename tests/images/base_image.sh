#!/usr/bin/env bash
# A base image without a registry: Debian with Python, or with this machine's Node, as an OCI folder.
#
# usage (as root): tests/images/base_image.sh python|node FOLDER      needs mmdebstrap and buildah; one or two minutes
set -euo pipefail
kind="$1" folder="$2"
epoch=1735689600
work="$(mktemp -d)"
trap 'buildah --root "$work/root" --runroot "$work/run" rm --all >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

packages=ca-certificates
hook=true
case "$kind" in
  python) packages+=,python3,python3-venv ;;
  node)
    packages+=,libstdc++6
    node="$(readlink -f "$(command -v node)")"
    npm="$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")"
    hook="mkdir -p \"\$1/usr/local/lib/node_modules\" && cp '$node' \"\$1/usr/local/bin/node\" &&
      cp -r '$npm' \"\$1/usr/local/lib/node_modules/npm\" &&
      ln -s ../lib/node_modules/npm/bin/npm-cli.js \"\$1/usr/local/bin/npm\""
    ;;
  *) echo "python or node, not '$kind'" >&2; exit 2 ;;
esac

# What it bakes in of this machine goes; what dpkg needs not at all is not unpacked.
SOURCE_DATE_EPOCH=$epoch mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --customize-hook="$hook" --skip=output/dev \
  --customize-hook='rm -f "$1/etc/resolv.conf" "$1/etc/hostname"' \
  bookworm "$work/system.tar"

run() { buildah --root "$work/root" --runroot "$work/run" "$@"; }
image="$(run from scratch)"
run add --quiet "$image" "$work/system.tar" / >/dev/null
run config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --env LANG=C.UTF-8 "$image"
mkdir -p "$folder"
run commit --quiet --timestamp $epoch --identity-label=false "$image" "oci:$folder:base" >/dev/null
