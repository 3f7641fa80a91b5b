"""CODEOWNERS from the catalog: who must approve a change to what. The last line that fits a path decides."""

from __future__ import annotations

from components.definition.findings import Finding, nearest
from components.definition.load_catalog import Catalog
from components.definition.places import CATALOG
from components.definition.tree import AGENTS, FileProblem, Tree

PATH = ".github/CODEOWNERS"
# The teams that answer for what all share, as `teams.yaml` names them.
PLATFORM_TEAM, SECURITY_TEAM = "platform", "security"
# Each after the one that it is an exception from.
SHARED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("*", (PLATFORM_TEAM,)),
    (f"/{AGENTS}/", (PLATFORM_TEAM,)),
)
# Behind the pools, so that no pool can take them over.
GUARDED: tuple[tuple[str, tuple[str, ...]], ...] = (
    (f"/{CATALOG}/", (PLATFORM_TEAM,)),
    (f"/{CATALOG}/waivers/", (SECURITY_TEAM,)),
    (f"/{CATALOG}/exceptions/", (SECURITY_TEAM,)),
    (f"/{CATALOG}/teams.yaml", (PLATFORM_TEAM, SECURITY_TEAM)),
    ("/policies/", (SECURITY_TEAM,)),
    ("/.github/", (PLATFORM_TEAM, SECURITY_TEAM)),
    ("/ci/branch_rules/", (PLATFORM_TEAM, SECURITY_TEAM)),
)
HEAD = """\
# Made by `roster codeowners` from agents/catalog/teams.yaml and pools.yaml: change those, then run it.
# One of the owners on the last line that fits a path must approve a change of it.
"""


class NoTeamError(LookupError):
    """The catalog has no team that is to answer for what all share."""


def codeowners(catalog: Catalog) -> str:
    """The file's text. Raises NoTeamError."""
    lines = [(pattern, _handles(catalog, teams)) for pattern, teams in SHARED]
    for name in sorted(catalog.pools):
        lines.append((f"/{AGENTS}/{name}/", catalog.entries["teams"][catalog.pools[name].owner].reviewers))
    lines += [(pattern, _handles(catalog, teams)) for pattern, teams in GUARDED]
    width = max(len(pattern) for pattern, _ in lines)
    return HEAD + "".join(f"{pattern:<{width}} {owners}\n" for pattern, owners in lines)


def codeowners_drift(tree: Tree, catalog: Catalog) -> list[Finding]:
    """One finding when the file is missing or is not what the catalog makes. Raises NoTeamError."""
    wanted = codeowners(catalog)
    try:
        there = tree.read(PATH).decode("utf-8", "replace")
    except FileProblem:
        return [Finding(PATH, 1, 1, "codeowners-drift", "there is no CODEOWNERS; run `roster codeowners`")]
    if there == wanted:
        return []
    differs = (number for number, pair in enumerate(_pairs(there, wanted), 1) if pair[0] != pair[1])
    message = "who must approve no longer fits the catalog; run `roster codeowners`"
    return [Finding(PATH, next(differs, 1), 1, "codeowners-drift", message)]


def _pairs(there: str, wanted: str) -> list[tuple[str, str]]:
    left, right = there.splitlines(keepends=True), wanted.splitlines(keepends=True)
    longest = max(len(left), len(right))
    return list(zip(left + [""] * (longest - len(left)), right + [""] * (longest - len(right)), strict=True))


def _handles(catalog: Catalog, teams: tuple[str, ...]) -> str:
    """Their handles in code review."""
    for team in teams:
        if team not in catalog.entries["teams"]:
            hint = nearest(team, catalog.entries["teams"])
            raise NoTeamError(
                f"{CATALOG}/teams.yaml has no team {team!r}, which answers for what all teams share.{hint}"
            )
    return " ".join(catalog.entries["teams"][team].reviewers for team in teams)
