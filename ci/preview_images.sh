#!/usr/bin/env bash
# Builds the images that a change would need, to see that they can be built. It runs the change's own Dockerfiles, so it
# holds nothing: no login, no push; what comes out is thrown away. The gate is asked after the merge (ci/images.sh), and
# ready images are copied then: they may need a login, and there is nothing to build.
# usage: bash ci/preview_images.sh [BASE]     BASE: a branch or commit; with none the branch that this one will be merged into
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/environment.sh
. ci/history.sh

whole_history
fetch_target
base=$(base_of_branch "${1:-}")
missing=$(roster images missing --json --changed-since "$base")
names='import json, sys; print(*(one["name"] for one in json.load(sys.stdin)["include"] if one["source"] != "ready"))'
images=$("$python" -c "$names" <<<"$missing")
if [ -z "$images" ]; then
  echo "This change needs no image that is still to be built."
  exit 0
fi
# Docker's settings of this job alone, without anybody's login.
DOCKER_CONFIG=$(mktemp -d)
export DOCKER_CONFIG
trap 'rm -rf "$DOCKER_CONFIG"' EXIT
. ci/image_builder.sh
roster images build $images # several words
