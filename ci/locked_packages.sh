# Fills Python environments from locks. Sourced by other scripts.

# install_locked PYTHON LOCK     exactly what the lock says. uv takes a twentieth of pip's time; it does not read pip's
#                                settings, so where it does not reach the packages pip does it.
install_locked() {
  if [ -x .venv/bin/uv ]; then
    .venv/bin/uv pip install --quiet --compile-bytecode --python "$1" --require-hashes -r "$2" >&2 && return
    echo "uv could not install $2; pip tries" >&2
  fi
  "$1" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$2" >&2
}
