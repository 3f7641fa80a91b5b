# Makes .venv with exactly what requirements.lock says, and sets $python and PATH. Sourced by the other scripts.
# Quick when nothing changed: a stamp in .venv remembers the lock that it was made from.
. ci/locked_packages.sh

find_python() {
  local name
  for name in python3 python3.13 python3.12 python3.11 python; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  echo "Roster needs Python 3.11 or newer on PATH" >&2
  return 1
}

make_venv() {
  echo "== making .venv (once; some seconds)"
  rm -rf .venv
  if ! "$1" -m venv .venv 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
      apt-get update -qq && apt-get install -qq -y python3-venv >/dev/null
      "$1" -m venv .venv
    else
      echo "this Python has no venv module; on Debian and Ubuntu: apt-get install python3-venv" >&2
      return 1
    fi
  fi
  # uv first, of the same lock: it brings the rest.
  install_locked .venv/bin/python <(sed -n '/^uv==/,/[^\\]$/p' requirements.lock)
  install_locked .venv/bin/python requirements.lock
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
}

# The path is part of the stamp: a copied or moved .venv points at the old place. A test that runs one of the scripts
# sets ROSTER_KEEP_VENV, so that the environment that it runs in is not replaced under it.
stamp=$(cat requirements.lock pyproject.toml <(pwd) | git hash-object --stdin)
if [ -z "${ROSTER_KEEP_VENV:-}" ] && [ "$(cat .venv/stamp 2>/dev/null)" != "$stamp" ]; then
  base_python=$(find_python)
  make_venv "$base_python"
  echo "$stamp" >.venv/stamp
fi
python=$PWD/.venv/bin/python
PATH=$PWD/.venv/bin:$PATH
