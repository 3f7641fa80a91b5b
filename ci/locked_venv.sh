# Makes a Python environment with exactly what a lock says, once a machine, below ~/.cache/roster. Sourced by other scripts.
#
# locked_venv NAME LOCK WHAT     prints the environment's Python; NAME: of its folder, WHAT: is being installed, in words
# lock_anew PACKAGE LOCK         writes the lock: the newest version and what it needs, exact, with hashes, no addresses
. ci/locked_packages.sh

_lock_python() {
  local name
  for name in "$PWD/.venv/bin/python" python3 python3.13 python3.12 python3.11 python; do
    if "$name" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      # The interpreter itself, so that nothing here depends on a .venv that may be made anew.
      "$name" -c 'import sys; print(getattr(sys, "_base_executable", sys.executable))'
      return
    fi
  done
  echo "$1 needs Python 3.11 or newer on PATH" >&2
  return 1
}

locked_venv() {
  local python hash cache folder staged
  python="$(_lock_python "$3")"
  hash="$( (cat "$2"; "$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])') | sha256sum | cut -c1-16)"
  cache="${XDG_CACHE_HOME:-$HOME/.cache}/roster/venvs"
  folder="$cache/$1-$hash"
  if [ ! -x "$folder/bin/python" ]; then
    mkdir -p "$cache"
    # One makes it, others wait; a half-made one is never seen, since it gets its name only at the end.
    exec 9>"$cache/.lock-$1"
    flock 9
    if [ ! -x "$folder/bin/python" ]; then
      echo "installing $3 (once; about a minute) …" >&2
      staged="$(mktemp -d "$cache/.staged-XXXXXX")"
      trap 'rm -rf "$staged"' EXIT
      "$python" -m venv "$staged" >&2
      # By -m: the scripts' first lines name the staged folder and do not survive the move.
      install_locked "$staged/bin/python" "$2"
      mv -T "$staged" "$folder"
      trap - EXIT
    fi
    exec 9>&-
  fi
  echo "$folder/bin/python"
}

lock_anew() (
  . ci/environment.sh
  folder="$(mktemp -d)"
  trap 'rm -rf "$folder"' EXIT
  echo "$1" >"$folder/packages.in"
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-annotate --no-header --upgrade "$folder/packages.in" --output-file "$2"
)
