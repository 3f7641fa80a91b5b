#!/usr/bin/env bash
# Prints the Python of an environment with exactly what the FastAPI runtime's image has: for the tests, `roster run`, mypy.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/locked_venv.sh
locked_venv fastapi components/images/fastapi/requirements.txt "the FastAPI runtime's packages"
