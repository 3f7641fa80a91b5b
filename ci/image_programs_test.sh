#!/usr/bin/env bash
# Images built by `docker buildx` and a real BuildKit, and judged by a real Trivy. Apart from ci/test.sh, for the three
# take minutes of a core to build.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/environment.sh
bash ci/test_tools.sh
# Trivy reads JSON by a package that Go 1.26 has only when asked.
GOEXPERIMENT=jsonv2 bash ci/go_tools.sh buildkitd buildx trivy
python -m pytest tests/images/test_buildkit.py tests/images/test_trivy.py "$@"
