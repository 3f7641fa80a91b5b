#!/usr/bin/env bash
# Kyverno's own engine against signatures that were made here, and our policy. Apart from ci/test.sh, for Kyverno's
# command line takes six minutes of a core to build.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/environment.sh
bash ci/test_tools.sh
bash ci/go_tools.sh kyverno
python -m pytest tests/images/test_kyverno.py "$@"
