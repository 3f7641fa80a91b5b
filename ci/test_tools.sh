#!/usr/bin/env bash
# What the tests compare Roster with, built once into the user's cache folder. Without Go those tests are skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
if command -v go >/dev/null; then
  bash ci/go_tools.sh helm
else
  echo "Go is missing: tests against helm and the real CRDs are skipped"
fi
