#!/usr/bin/env bash
# What is wrong with the workflows themselves: syntax and expressions (actionlint), ways in for an attacker (zizmor), and
# GitLab's pipeline against its schema. Scripts in ci/ are read by actionlint's shellcheck only where that is installed.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/environment.sh

actionlint=$(bash ci/go_tools.sh --built actionlint 2>/dev/null || { command -v go >/dev/null && bash ci/go_tools.sh actionlint; } || true)
if [ -n "$actionlint" ]; then
  "$actionlint"
else
  echo "Go is missing: the workflows' syntax is not checked (actionlint)"
fi
zizmor --offline --no-progress --quiet --persona=auditor --strict-collection .github/workflows
if command -v check-jsonschema >/dev/null; then
  check-jsonschema --builtin-schema vendor.gitlab-ci --data-transform gitlab-ci ci/gitlab-ci.yaml
else
  echo "check-jsonschema is missing: GitLab's pipeline is not held against its schema"
fi
