#!/usr/bin/env bash
# Makes a Python environment with exactly what the FastAPI runtime's requirements.txt says, once a machine, and prints
# its Python. Used by the tests, by `roster run` and by mypy.
set -euo pipefail
cd "$(dirname "$0")/.."
lock=components/images/fastapi/requirements.txt

find_python() {
  local name
  for name in "$PWD/.venv/bin/python" python3 python3.13 python3.12 python3.11 python; do
    if "$name" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      # The interpreter itself, so that nothing here depends on a .venv that may be made anew.
      "$name" -c 'import sys; print(getattr(sys, "_base_executable", sys.executable))'
      return
    fi
  done
  echo "the FastAPI runtime needs Python 3.11 or newer on PATH" >&2
  return 1
}

python="$(find_python)"
version="$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
hash="$( (cat "$lock"; echo "$version") | sha256sum | cut -c1-16)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/roster/runtime"
folder="$cache/fastapi-$hash"

if [ ! -x "$folder/bin/python" ]; then
  mkdir -p "$cache"
  # One makes it, others wait; a half-made one is never seen, since it gets its name only at the end.
  exec 9>"$cache/.lock"
  flock 9
  if [ ! -x "$folder/bin/python" ]; then
    echo "installing the FastAPI runtime's packages (once; about half a minute) …" >&2
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
