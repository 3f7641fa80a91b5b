#!/usr/bin/env bash
# Looks every night for what is known by now of the images that are recorded, and says so on the forge.
# usage: bash ci/rescan.sh scan      scans all recorded images by digest: out/rescan/, and the records that change
#        bash ci/rescan.sh tell      one issue a finding, and one pull request that blocks or unblocks images
# Nothing is deleted or restarted: a blocked image gets no new users, and who runs it runs it.
set -euo pipefail
cd "$(dirname "$0")/.."
step=${1:?which step? usage: bash ci/rescan.sh scan | tell}
. ci/environment.sh

case $step in
scan)
  rm -rf out/rescan
  python -m ci.cloud_access python -m ci.registry_access
  wanted=$(roster images tools)
  tools=$(bash ci/image_tools.sh $wanted) # several words
  PATH=$tools${tools:+:}$PATH
  found=0
  roster images rescan --output out/rescan || found=$?
  if [ -f out/rescan/report.md ]; then bash ci/summary.sh out/rescan/report.md; fi
  # 3: something was found; 7: some images could not be seen, and keep their records. The next step tells both.
  [ $found = 0 ] || [ $found = 3 ] || [ $found = 7 ] || exit $found
  mkdir -p out/rescan/records
  git diff --name-only --diff-filter=M -- agents/catalog/images | while read -r file; do
    mkdir -p "out/rescan/records/$(dirname "$file")"
    cp "$file" "out/rescan/records/$file"
  done
  ;;
tell)
  # Where nothing is recorded there is no such folder, and nothing to propose is no error.
  mkdir -p agents/catalog/images out/rescan/records
  (cd out/rescan/records && find . -path './agents/catalog/images/*' -name '*.yaml' -type f) | while read -r file; do
    # A record that was removed or made meanwhile is none of last night's.
    if [ -f "$file" ]; then cp "out/rescan/records/$file" "$file"; fi
  done
  roster check
  [ -n "${GITHUB_TOKEN:-}" ] || exit 0
  roster forge issues --findings out/rescan/findings.json
  roster forge propose --branch roster/rescan --title "Block images with new findings, let mended ones go" \
    agents/catalog/images
  ;;
*)
  echo "there is no step $step" >&2
  exit 2
  ;;
esac
