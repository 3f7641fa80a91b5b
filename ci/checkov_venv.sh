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

find_python() {
  local name
  for name in "$PWD/.venv/bin/python" python3 python3.13 python3.12 python3.11 python; do
    if "$name" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      # The interpreter itself, so that nothing here depends on a .venv that may be made anew.
      "$name" -c 'import sys; print(getattr(sys, "_base_executable", sys.executable))'
      return
    fi
  done
  echo "Checkov's environment needs Python 3.11 or newer on PATH" >&2
  return 1
}

python="$(find_python)"
version="$(sed -n 's/^checkov==\([^ ]*\).*/\1/p' "$lock")"
hash="$( (cat "$lock"; "$python" --version) | sha256sum | cut -c1-8)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/roster/checkov"
folder="$cache/$version-$hash"

if [ ! -x "$folder/bin/python" ]; then
  mkdir -p "$cache"
  # One makes it, others wait; a half-made one is never seen, since it gets its name only at the end.
  exec 9>"$cache/.lock"
  flock 9
  if [ ! -x "$folder/bin/python" ]; then
    echo "installing Checkov $version (once; about a minute) …" >&2
    staged="$(mktemp -d "$cache/.staged-XXXXXX")"
    trap 'rm -rf "$staged"' EXIT
    "$python" -m venv "$staged" >&2
    # By -m: the scripts' first lines name the staged folder and do not survive the move.
    "$staged/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock" >&2
    mv -T "$staged" "$folder"
    trap - EXIT
  fi
  flock -u 9
fi
echo "$folder/bin/python"
