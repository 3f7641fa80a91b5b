# Sourced by the scripts that compare commits. A clone with few commits gives wrong answers about who came from whom.

whole_history() {
  [ "$(git rev-parse --is-shallow-repository)" = true ] || return 0
  echo "This clone is shallow: fetching the rest of the history."
  if ! git fetch --quiet --unshallow origin; then
    echo "The history could not be fetched; set fetch-depth: 0 (GitHub), GIT_DEPTH: 0 (GitLab), or git fetch --unshallow" >&2
    return 2
  fi
}

# The branch of the remote, as it is now. Without a remote nothing is fetched.
fetch_branch() {
  ! git remote get-url origin >/dev/null 2>&1 ||
    git fetch --quiet origin "+refs/heads/$1:refs/remotes/origin/$1"
}

# The branch that this one will be merged into, as the CI names it. GitLab fetches it for no job by itself.
fetch_target() {
  [ -z "${CI_MERGE_REQUEST_TARGET_BRANCH_NAME:-}" ] || fetch_branch "$CI_MERGE_REQUEST_TARGET_BRANCH_NAME"
}

# What to compare with: $1 if it is given and there, otherwise the target branch, main, or HEAD itself.
base_of_branch() {
  local name target=${GITHUB_BASE_REF:-${CI_MERGE_REQUEST_TARGET_BRANCH_NAME:-}}
  for name in "${1:-}" "${target:+origin/$target}" origin/main main; do
    if [ -n "$name" ] && git rev-parse --verify --quiet "$name^{commit}" >/dev/null; then
      echo "$name"
      return
    fi
  done
  echo HEAD
}
