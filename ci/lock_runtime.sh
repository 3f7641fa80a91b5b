#!/usr/bin/env bash
# Writes the FastAPI runtime's requirements.txt anew from its requirements.in: exact versions, with hashes, without addresses.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/environment.sh
cd components/images/fastapi
uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --no-annotate --no-header --upgrade requirements.in --output-file requirements.txt
