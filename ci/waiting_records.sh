# Records that wait for review on the branch roster/images. Sourced by the other scripts, after environment.sh.
# What they name is built, judged and signed: without them it would be so again with every push, and with another record.

# Git as the job, where it has a token: the checkout leaves none behind. In the environment, where no process list shows it.
git_as_job() {
  if [ -z "${GITHUB_TOKEN:-}" ]; then
    git "$@"
    return
  fi
  local login
  login=$(printf 'x-access-token:%s' "$GITHUB_TOKEN" | base64 | tr -d '\n')
  GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=http.${GITHUB_SERVER_URL:-https://github.com}/.extraheader \
    GIT_CONFIG_VALUE_0="AUTHORIZATION: basic $login" git "$@"
}

# Puts those records into the work tree that are new on the branch. One that main had once was taken away there on purpose.
take_waiting_records() {
  local there=0 branch=refs/remotes/origin/roster/images file taken=()
  git remote get-url origin >/dev/null 2>&1 || return 0
  git_as_job ls-remote --exit-code origin refs/heads/roster/images >/dev/null || there=$?
  [ $there != 2 ] || return 0
  [ $there = 0 ] || return $there
  if [ "$(git rev-parse --is-shallow-repository)" = true ]; then git_as_job fetch --quiet --unshallow origin; fi
  git_as_job fetch --quiet origin "+refs/heads/roster/images:$branch"
  while read -r file; do
    if [ -e "$file" ] || [ -n "$(git rev-list -1 HEAD -- "$file")" ]; then continue; fi
    mkdir -p "$(dirname "$file")"
    git show "$branch:$file" >"$file"
    taken+=("$file")
  done < <(git diff --name-only --no-renames --diff-filter=A HEAD "$branch" -- agents/catalog/images)
  [ ${#taken[@]} != 0 ] || return 0
  if ! roster check >/dev/null; then
    # They may be of an older form, and nobody could ever write them anew.
    echo "The records on roster/images do not fit the fleet as it is: their images are built anew." >&2
    rm "${taken[@]}"
  else
    echo "Waiting for review on roster/images: ${taken[*]}" >&2
  fi
}
