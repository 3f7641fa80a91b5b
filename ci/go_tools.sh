#!/usr/bin/env bash
# Builds tools of ci/go-tools.txt once, into ~/.cache/roster/go/bin/NAME@VERSION/NAME, and prints their paths.
#
# usage: ci/go_tools.sh [--built] NAME…      with --built nothing is built: exit 1 when one is missing
set -euo pipefail

list="$(dirname "$0")/go-tools.txt"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/roster/go/bin"
build=yes
if [ "${1:-}" = --built ]; then build=no; shift; fi
if [ $# = 0 ]; then sed -n '4s/# //p' "$0" >&2; exit 2; fi

for name in "$@"; do
  module="$(awk -v name="$name" '$1 == name { print $2 }' "$list")"
  if [ -z "$module" ]; then
    echo "$name is not in $list; there is: $(awk '{ print $1 }' "$list" | paste -sd ' ')" >&2
    exit 2
  fi
  folder="$cache/$name@${module##*@}"
  if [ ! -x "$folder/$name" ]; then
    if [ $build = no ]; then echo "$name ${module##*@} is not built: bash ci/go_tools.sh $name" >&2; exit 1; fi
    echo "building $module (minutes, once) …" >&2
    mkdir -p "$cache"
    staged="$(mktemp -d "$cache/.build-XXXXXX")"
    trap 'rm -rf "$staged"' EXIT
    GOBIN="$staged" go install "$module" >&2
    rm -rf "$folder"
    mv -T "$staged" "$folder"
    chmod 755 "$folder"
  fi
  echo "$folder/$name"
done
