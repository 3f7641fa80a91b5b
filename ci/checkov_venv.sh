#!/usr/bin/env bash
# Makes a Python environment with exactly what ci/checkov.lock says, once a machine, and prints its Python; Checkov is then
# `$(bash ci/checkov_venv.sh) -m checkov.main …`. It has its own because its packages and Roster's do not go together.
#
# usage: ci/checkov_venv.sh            ci/checkov_venv.sh --lock   writes ci/checkov.lock anew: exact versions, with hashes
set -euo pipefail
cd "$(dirname "$0")/.."
lock=ci/checkov.lock

. ci/locked_venv.sh
if [ "${1:-}" = --lock ]; then
  lock_anew checkov "$lock"
  exit
fi
locked_venv checkov "$lock" "Checkov"
