#!/usr/bin/env bash
# Builds tools of ci/go-tools.txt once, into ~/.cache/roster/go/bin/NAME@VERSION/NAME, and prints their paths.
#
# usage: ci/go_tools.sh [--built] NAME…      with --built nothing is built: exit 1 when one is missing
#
# A line of the list: name, package@version, and for a package whose go.mod replaces others, which `go install` refuses, a
# third word: where it points at folders beside it (Kubernetes) the version under which those are published, else "replaced".
set -euo pipefail

list="$(dirname "$0")/go-tools.txt"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/roster/go/bin"
build=yes
if [ "${1:-}" = --built ]; then build=no; shift; fi
if [ $# = 0 ]; then sed -n '4s/# //p' "$0" >&2; exit 2; fi

# A module of our own, in the folder $1, that needs what the package $2@$3 belongs to, with its folders at version $4.
write_module() {
  local module="$2" version="$3" folders="$4" found
  until found="$(cd "$1" && GOWORK=off go mod download -json "$module@$version" 2>/dev/null)"; do
    case "$module" in */*/*) module="${module%/*}" ;; *) echo "no Go module holds $2@$version" >&2; return 1 ;; esac
  done
  found="$(sed -n 's/.*"GoMod": "\(.*\)",/\1/p' <<<"$found")"
  {
    echo "module roster.invalid/tool"
    sed -n '/^go /p' "$found"
    echo "require $module $version"
    # Another module in place of one, as its makers build it.
    sed -n '/^replace .* => [^.]/p' "$found"
    # v0.0.0 stands for a folder of the same repository.
    awk -v version="$folders" '$2 == "v0.0.0" { print "replace " $1 " => " $1 " " version }' "$found"
  } >"$1/go.mod"
}

# Builds $1 from package $2@$3 into the folder $4; $5 as above, or empty.
build_tool() {
  local minor="${3#v*.}"
  if [ -z "$5" ]; then GOBIN="$4" go install -ldflags "-X main.version=${3#v}" "$2@$3" >&2; return; fi
  write_module "$4" "$2" "$3" "$5"
  local said="k8s.io/component-base/version"
  (
    cd "$4"
    GOWORK=off go build -mod=mod -o "$4/$1" -ldflags \
      "-s -w -X $said.gitVersion=$3 -X $said.gitMajor=1 -X $said.gitMinor=${minor%%.*}" "$2" >&2
  )
  rm -f "$4/go.mod" "$4/go.sum"
}

number=0
for name in "$@"; do
  number=$((number + 1))
  read -r _ package folders < <(awk -v name="$name" '$1 == name' "$list") || true
  if [ -z "${package:-}" ]; then
    echo "$name is not in $list; there is: $(awk '{ print $1 }' "$list" | paste -sd ' ')" >&2
    exit 2
  fi
  version="${package##*@}"
  folder="$cache/$name@$version"
  if [ ! -x "$folder/$name" ]; then
    if [ $build = no ]; then echo "$name $version is not built: bash ci/go_tools.sh $name" >&2; exit 1; fi
    command -v go >/dev/null || { echo "go is not on PATH; it is needed to build $name" >&2; exit 1; }
    echo "building $name $version, $number of $# (minutes, once) …" >&2
    started=$SECONDS
    mkdir -p "$cache"
    staged="$(mktemp -d "$cache/.build-XXXXXX")"
    trap 'rm -rf "$staged"' EXIT
    build_tool "$name" "${package%@*}" "$version" "$staged" "${folders:-}"
    # A main package in a folder called v3 or the like is installed under its module's name.
    if [ ! -x "$staged/$name" ]; then mv "$staged"/* "$staged/$name"; fi
    rm -rf "$folder"
    mv -T "$staged" "$folder"
    chmod 755 "$folder"
    echo "built $name in $((SECONDS - started)) s" >&2
  fi
  echo "$folder/$name"
  package=
done
