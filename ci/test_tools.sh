#!/usr/bin/env bash
# What the tests compare Roster with and run it against, built once into the user's cache folder (about ten minutes on
# two cores the first time). Without Go those tests are skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
# Builders, a registry, the base image's maker, Redis: from Debian, where this is root on it.
missing=()
for package in buildah docker-registry mmdebstrap redis-server runc skopeo; do
  command -v "$package" >/dev/null || missing+=("$package")
done
command -v dockerd >/dev/null || missing+=(docker.io)
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing ${missing[*]} (once)"
    apt-get update -qq
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
  else
    echo "${missing[*]} missing, and this is not root on Debian: tests that build, push and run images are skipped"
  fi
fi
bash ci/runtime_venv.sh >/dev/null
bash ci/checkov_venv.sh >/dev/null
bash ci/nca_venv.sh >/dev/null
if command -v go >/dev/null; then
  bash ci/go_tools.sh helm kwok etcd kube-apiserver kube-controller-manager kube-scheduler kube-state-metrics cosign grype \
    kube-score kubeconform cyclonus
  bash ci/cilium_verdicts.sh >/dev/null
else
  echo "Go is missing: tests against helm, the real CRDs, a real API server, cosign and Grype are skipped"
fi
