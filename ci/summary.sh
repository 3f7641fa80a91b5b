#!/usr/bin/env bash
# Puts a report where the CI shows it: GitHub's job summary; elsewhere on standard output.   usage: bash ci/summary.sh FILE
set -euo pipefail
cd "$(dirname "$0")/.."
file=${1:?which file?}
limit=1000000 # GitHub refuses a summary of more than 1 MiB

if [ ! -f "$file" ]; then
  echo "There is no $file: what makes it did not come that far."
  exit 0
fi
to=${GITHUB_STEP_SUMMARY:-/dev/stdout}
if [ "$(wc -c <"$file")" -le $limit ]; then
  cat "$file" >>"$to"
else
  head -c $limit "$file" | iconv -c -f utf-8 -t utf-8 >>"$to"
  printf '\n\n**Cut off here: the whole is in the file %s among the artifacts.**\n' "$(basename "$file")" >>"$to"
fi
