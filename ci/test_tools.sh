#!/usr/bin/env bash
# What the tests compare Roster with and run it against, built once into the user's cache folder (about ten minutes on
# two cores the first time). Without Go those tests are skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
if command -v go >/dev/null; then
  bash ci/go_tools.sh helm kwok etcd kube-apiserver kube-controller-manager kube-scheduler
else
  echo "Go is missing: tests against helm, the real CRDs and a real API server are skipped"
fi
