#!/usr/bin/env bash
# Gets what images are scanned, listed and signed with, in versions that the tree pins, and prints the folders for PATH.
# usage: bash ci/image_tools.sh TOOL…      cosign and grype are built from their Go modules, whose checksums Go's own
# database publishes; trivy is its makers' release, by checksum; syft comes with requirements.lock
set -euo pipefail
cd "$(dirname "$0")/.."

trivy=0.72.0
trivy_sha256=bbb64b9695866ce4a7a8f5c9592002c5961cab378577fa3f8a040df362b9b2ea # trivy_0.72.0_Linux-64bit.tar.gz

get_trivy() {
  local folder="${XDG_CACHE_HOME:-$HOME/.cache}/roster/trivy@$trivy-$trivy_sha256" staged name
  if [ ! -x "$folder/trivy" ]; then
    if [ "$(uname -sm)" != "Linux x86_64" ]; then
      echo "the checksum of Trivy is known for Linux on x86_64 only; install $trivy yourself" >&2
      return 1
    fi
    name=trivy_${trivy}_Linux-64bit.tar.gz
    mkdir -p "$(dirname "$folder")"
    staged=$(mktemp -d "$(dirname "$folder")/.trivy-XXXXXX")
    curl --fail --silent --show-error --location --retry 3 --proto '=https' --output "$staged/$name" \
      "https://github.com/aquasecurity/trivy/releases/download/v$trivy/$name"
    echo "$trivy_sha256  $staged/$name" | sha256sum --check --quiet - >&2
    tar --extract --gzip --file "$staged/$name" --directory "$staged" trivy
    rm -rf "$folder"
    mv -T "$staged" "$folder"
  fi
  echo "$folder"
}

folders=
for tool in "$@"; do
  case $tool in
  trivy) folder=$(get_trivy) ;;
  syft) continue ;;
  *) folder=$(dirname "$(bash ci/go_tools.sh "$tool")") ;;
  esac
  folders=$folders:$folder
done
echo "${folders#:}"
