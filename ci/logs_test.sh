#!/usr/bin/env bash
# The collector's configuration by Alloy's own code, and the alerts on logs by Loki's own engine. Apart from ci/test.sh,
# for the two programs take minutes to build; once they are built, `pytest tests/monitoring` runs these tests too.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/environment.sh
command -v go >/dev/null || { echo "go is not on PATH; it is needed to build on Alloy's and Loki's code" >&2; exit 1; }
ROSTER_BUILD_LOG_PROGRAMS=yes python -m pytest tests/monitoring/test_log_collector.py tests/monitoring/test_log_alerts.py "$@"
# What was just seen; tests/monitoring/test_logs.py compares with it.
PYTHONPATH=. python tests/monitoring/log_digests.py
