#!/usr/bin/env bash
# The engine's own preview of the stacks that the branch touches, with the read-only access that the CI gives.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/environment.sh
. ci/history.sh

whole_history
fetch_target
exec python -m ci.cloud_access roster preview --changed-since "$(base_of_branch)" --report out/preview
