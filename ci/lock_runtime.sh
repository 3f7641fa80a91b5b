#!/usr/bin/env bash
# Writes the FastAPI runtime's requirements.txt anew from its requirements.in: exact versions, with hashes, without addresses.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/environment.sh
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check uv
cd components/images/fastapi
"$folder/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --no-annotate --no-header --upgrade requirements.in --output-file requirements.txt
