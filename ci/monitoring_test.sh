#!/usr/bin/env bash
# What others' own code says of ours: the collector's configuration by Alloy's, alerts on logs by Loki's, and the captures of
# exporters by the packages that make their metrics. Once a week and apart from ci/test.sh: the programs take minutes to build.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/environment.sh
command -v go >/dev/null || { echo "go is not on PATH; it is needed to build on their code" >&2; exit 1; }
cd tests/monitoring
python -m pytest test_log_collector.py test_log_alerts.py test_captures_of_programs.py "$@"
# What was just seen; test_logs.py compares with it.
cd ../..
PYTHONPATH=. python tests/monitoring/log_digests.py
