#!/usr/bin/env bash
# Makes a Python environment with exactly what ci/nca.lock says, once a machine, and prints its Python;
# network-config-analyzer is then `$(bash ci/nca_venv.sh) -m nca.nca_cli …`. It has its own because it pins what it needs.
#
# usage: ci/nca_venv.sh            ci/nca_venv.sh --lock   writes ci/nca.lock anew: exact versions, with hashes
set -euo pipefail
cd "$(dirname "$0")/.."
lock=ci/nca.lock

. ci/locked_venv.sh
if [ "${1:-}" = --lock ]; then
  lock_anew network-config-analyzer "$lock"
  exit
fi
locked_venv nca "$lock" "network-config-analyzer"
