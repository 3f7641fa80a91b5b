#!/usr/bin/env bash
# Makes a Python environment with exactly what ci/nca.lock says, once a machine, and prints its Python;
# network-config-analyzer is then `$(bash ci/nca_venv.sh) -m nca.nca_cli …`. It has its own because it pins what it needs.
#
# usage: ci/nca_venv.sh            ci/nca_venv.sh --lock   writes ci/nca.lock anew: exact versions, with hashes
set -euo pipefail
cd "$(dirname "$0")/.."
lock=ci/nca.lock

if [ "${1:-}" = --lock ]; then
  . ci/environment.sh
  folder="$(mktemp -d)"
  trap 'rm -rf "$folder"' EXIT
  "$python" -m venv "$folder"
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check uv
  echo network-config-analyzer >"$folder/nca.in"
  exec "$folder/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-annotate --no-header --upgrade "$folder/nca.in" --output-file "$lock"
fi

. ci/locked_venv.sh
locked_venv nca "$lock" "network-config-analyzer"
