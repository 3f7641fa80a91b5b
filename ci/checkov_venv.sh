#!/usr/bin/env bash
# Makes a Python environment with exactly what ci/checkov.lock says, once a machine, and prints its Python; Checkov is then
# `$(bash ci/checkov_venv.sh) -m checkov.main …`. It has its own because its packages and Roster's do not go together.
#
# usage: ci/checkov_venv.sh            ci/checkov_venv.sh --lock   writes ci/checkov.lock anew: exact versions, with hashes
set -euo pipefail
cd "$(dirname "$0")/.."
lock=ci/checkov.lock

if [ "${1:-}" = --lock ]; then
  . ci/environment.sh
  folder="$(mktemp -d)"
  trap 'rm -rf "$folder"' EXIT
  "$python" -m venv "$folder"
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check uv
  echo checkov >"$folder/checkov.in"
  exec "$folder/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-annotate --no-header --upgrade "$folder/checkov.in" --output-file "$lock"
fi

. ci/locked_venv.sh
locked_venv checkov "$lock" "Checkov"
