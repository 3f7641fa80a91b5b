#!/usr/bin/env bash
# Builds tests/network/cilium_verdicts, which asks Cilium's own policy code, once for each state of its source (minutes),
# into ~/.cache/roster/go/bin, and prints its path.
set -euo pipefail
cd "$(dirname "$0")/../tests/network/cilium_verdicts"
hash="$(cat main.go go.mod | sha256sum | cut -c1-16)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/roster/go/bin"
folder="$cache/cilium-verdicts@$hash"
if [ ! -x "$folder/cilium-verdicts" ]; then
  command -v go >/dev/null || { echo "go is not on PATH; it is needed to build cilium-verdicts" >&2; exit 1; }
  mkdir -p "$cache"
  # One builds it, others wait.
  exec 9>"$cache/.lock-cilium-verdicts"
  flock 9
  if [ ! -x "$folder/cilium-verdicts" ]; then
    echo "building cilium-verdicts (minutes, once) …" >&2
    staged="$(mktemp -d "$cache/.build-XXXXXX")"
    trap 'rm -rf "$staged"' EXIT
    cp main.go go.mod "$staged/"
    (cd "$staged" && GOWORK=off go build -mod=mod -ldflags "-s -w" -o cilium-verdicts . >&2)
    rm -f "$staged/main.go" "$staged/go.mod" "$staged/go.sum"
    rm -rf "$folder"
    mv -T "$staged" "$folder"
    chmod 755 "$folder"
    trap - EXIT
  fi
fi
echo "$folder/cilium-verdicts"
