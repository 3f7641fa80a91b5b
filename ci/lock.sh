#!/usr/bin/env bash
# Writes requirements.lock anew from pyproject.toml: exact versions, with hashes, without addresses.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/environment.sh
"$python" -m pip install --quiet uv
"$python" -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --no-header --upgrade --extra dev pyproject.toml --output-file requirements.lock
