#!/usr/bin/env bash
# Installs the Pulumi CLI by its vendor's installer, in the version of the SDK that requirements.lock pins. For CI runners.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -n 's/^pulumi==\([0-9.]*\).*/\1/p' requirements.lock)
: "${version:?requirements.lock pins no pulumi}"
if [ "$(pulumi version 2>/dev/null)" = "v$version" ]; then exit 0; fi

installer=$(mktemp)
trap 'rm -f "$installer"' EXIT
curl --fail --silent --show-error --location --retry 3 https://get.pulumi.com --output "$installer"
sh "$installer" --version "$version"
if [ -n "${GITHUB_PATH:-}" ]; then echo "$HOME/.pulumi/bin" >>"$GITHUB_PATH"; fi
"$HOME/.pulumi/bin/pulumi" version
