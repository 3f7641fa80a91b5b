#!/usr/bin/env bash
# One step on an image's way from a merge to its record. Each is a job of its own, so that none holds more than it needs.
# usage: bash ci/images.sh missing          what the fleet needs and has no record of, for the other steps
#        bash ci/images.sh build IMAGE...   builds and pushes: runs Dockerfiles, so it cannot sign
#        bash ci/images.sh scan IMAGE...    asks the gate, lists what is inside: reads what others wrote, so it cannot sign
#        bash ci/images.sh sign IMAGE...    signs, attests, records what passed: looks into no image
#        bash ci/images.sh propose          one pull request with the records, from out/records/
# `sign` takes verdicts and bills of materials from out/verdicts/, where another job has left them, or from out/images/.
# Records that wait in that pull request already count for `missing`, and stay in it: both put them into the work tree.
# The exit codes are those of `roster images`: 3 when the gate is closed, 6 when the registry is away. Of several images
# each has its turn; the worst code counts.
set -euo pipefail
cd "$(dirname "$0")/.."
step=${1:?which step? usage: bash ci/images.sh missing | build IMAGE... | scan IMAGE... | sign IMAGE... | propose}
. ci/environment.sh

case $step in
missing)
  . ci/waiting_records.sh
  take_waiting_records
  images=$(roster images missing --jobs)
  echo "$images"
  if [ -n "${GITHUB_OUTPUT:-}" ]; then
    any=$("$python" -c 'import json, sys; print(str(bool(json.load(sys.stdin)["include"])).lower())' <<<"$images")
    printf 'images=%s\nany=%s\n' "$images" "$any" >>"$GITHUB_OUTPUT"
  fi
  ;;
build)
  : "${2:?which image?}"
  python -m ci.cloud_access python -m ci.registry_access
  . ci/image_builder.sh
  roster images build "${@:2}" --push --cache
  ;;
scan)
  : "${2:?which image?}"
  python -m ci.cloud_access python -m ci.registry_access
  wanted=$(roster images tools scan)
  tools=$(bash ci/image_tools.sh $wanted) # several words
  PATH=$tools${tools:+:}$PATH
  scanned=0
  roster images scan "${@:2}" --report out/images/report.md || scanned=$?
  if [ -f out/images/report.md ]; then bash ci/summary.sh out/images/report.md; fi
  exit $scanned
  ;;
sign)
  : "${2:?which image?}"
  python -m ci.cloud_access python -m ci.registry_access
  # Without cosign among the tools, settings.yaml says that nobody signs. A key in a key management service is reached
  # with the job's identity; without a key the job itself signs.
  wanted=$(roster images tools sign)
  if [ -n "$wanted" ]; then
    tools=$(bash ci/image_tools.sh $wanted) # several words
    PATH=$tools${tools:+:}$PATH
  fi
  worst=0
  for image in "${@:2}"; do
    # Nothing else of what the other job left is taken: what was built is told by the job that built it.
    for file in out/verdicts/"$image"/scan.json out/verdicts/"$image"/sbom*.cdx.json; do
      if [ -f "$file" ]; then
        mkdir -p "out/images/$image"
        cp "$file" "out/images/$image/"
      fi
    done
    code=0
    if [ -n "$wanted" ]; then
      python -m ci.cloud_access roster images sign "$image" ${ROSTER_SIGNING_KEY:+--key "$ROSTER_SIGNING_KEY"} || code=$?
    fi
    if [ $code = 0 ]; then roster images record "$image" --output out/records || code=$?; fi
    if [ $code -gt $worst ]; then worst=$code; fi
  done
  exit $worst
  ;;
propose)
  found=(out/records/*.yaml)
  if [ ! -f "${found[0]}" ]; then
    echo "No image passed, so there is nothing to record."
    exit 0
  fi
  . ci/waiting_records.sh
  take_waiting_records
  mkdir -p agents/catalog/images
  cp "${found[@]}" agents/catalog/images/
  roster check
  if [ -n "${GITHUB_TOKEN:-}" ]; then
    roster forge propose --branch roster/images --title "Record images that were built" agents/catalog/images
  fi
  ;;
*)
  echo "there is no step $step" >&2
  exit 2
  ;;
esac
