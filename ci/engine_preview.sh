#!/usr/bin/env bash
# Pulumi's own preview of the stacks that the plan touches, where there is a Pulumi and a cluster to ask.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v pulumi >/dev/null; then
  echo "Skipped: no pulumi on PATH. That is fine for a review: the plan above is made of the very objects it would apply."
  exit 0
fi
if [ ! -s "${KUBECONFIG:-$HOME/.kube/config}" ]; then
  echo "Skipped: no cluster is configured (no kubeconfig). The plan above is made of the very objects it would apply."
  exit 0
fi
stacks=$(.venv/bin/python -c 'import json; print(*json.load(open("out/plan/plan.json"))["stacks"])')
for stack in $stacks; do
  echo "-- $stack"
  pulumi stack select --create "$stack" >/dev/null
  pulumi preview --stack "$stack" --diff --non-interactive
done
