#!/usr/bin/env bash
# Builds by `docker buildx` and a real BuildKit. Apart from ci/test.sh, for both take minutes of a core to build.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/environment.sh
bash ci/test_tools.sh
bash ci/go_tools.sh buildkitd buildx
python -m pytest tests/images/test_buildkit.py "$@"
