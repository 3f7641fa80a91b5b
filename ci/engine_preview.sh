#!/usr/bin/env bash
# Pulumi's own preview of the stacks that the plan touches, where there is a Pulumi and a cluster to ask. Makes and selects
# no stack in your backend: one that is not there yet is previewed in an empty backend that is thrown away.
set -euo pipefail
cd "$(dirname "$0")/.."

reviewed="That is fine for a review: the plan above is made of the very objects it would apply."
skip() {
  echo "Skipped: $1. $reviewed"
  exit 0
}

has_kubeconfig() {
  local path IFS=:
  for path in ${KUBECONFIG:-$HOME/.kube/config}; do
    [ ! -s "$path" ] || return 0
  done
  return 1
}

command -v pulumi >/dev/null || skip "no pulumi on PATH"
has_kubeconfig || skip "no cluster is configured (no kubeconfig)"
plan=out/plan/plan.json
if [ ! -f $plan ]; then
  echo "There is no $plan: run bash ci/preview.sh, or roster plan" >&2
  exit 2
fi
targets=$(.venv/bin/python -m ci.reachable $plan)

scratch=$(mktemp -d)
# Settings files that Pulumi writes by itself: a salt for secrets, of which there are none.
made=()
tidy() {
  rm -rf "$scratch" ${made[@]+"${made[@]}"}
}
trap tidy EXIT
export PULUMI_SKIP_UPDATE_CHECK=true

preview() { pulumi preview --stack "$1" --non-interactive --suppress-progress --suppress-outputs </dev/null; }

preview_anew() (
  export PULUMI_BACKEND_URL="file://$scratch" PULUMI_CONFIG_PASSPHRASE=""
  unset PULUMI_CONFIG_PASSPHRASE_FILE
  pulumi stack init "$1" --no-select --non-interactive >/dev/null && preview "$1"
)

known=yes new=" (not made yet)"
if ! pulumi whoami --non-interactive >/dev/null 2>&1; then
  known=no new=""
  echo "Pulumi is logged in to no backend (pulumi login), so what was applied is not known and every object shows as new."
fi

failed=()
while IFS=$'\t' read -r stack why; do
  [ -n "$stack" ] || continue
  if [ -n "$why" ]; then
    echo "-- $stack: skipped, $why"
    continue
  fi
  settings=stacks/Pulumi.$stack.yaml
  [ -e "$settings" ] || made+=("$settings")
  if [ $known = yes ] && pulumi stack --stack "$stack" --non-interactive >/dev/null 2>&1; then
    echo "-- $stack"
    preview "$stack" || failed+=("$stack")
  else
    echo "-- $stack$new"
    preview_anew "$stack" || failed+=("$stack")
  fi
done <<<"$targets"

if [ ${#failed[@]} -gt 0 ]; then
  echo "Pulumi could not preview: ${failed[*]}" >&2
  exit 1
fi
