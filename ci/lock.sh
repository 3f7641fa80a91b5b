#!/usr/bin/env bash
# Writes the locks anew. requirements.lock from pyproject.toml: exact versions, with hashes, without addresses.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/environment.sh
uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --no-header --upgrade --extra dev pyproject.toml --output-file requirements.lock
# components/images/eliza/package-lock.json: the npm packages that the catalog names, and all that they need.
"$python" -m ci.eliza_lock
