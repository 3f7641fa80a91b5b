"""The lock of the eliza runtime: part of it is a whole lock for some packages, which npm accepts."""

from __future__ import annotations

import copy
import itertools
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import small_fleet
from eliza_image import LOCK, LOCKED, packages, write_packages

from ci.eliza_lock import LockError, catalog_packages, locked
from components.definition.tree import WorkTree
from components.fleet import Fleet
from components.resolve.eliza import RUNNERS
from components.resolve.npm_lock import missing, package_json, subset, without_addresses

TOP = Path(__file__).parents[2]
PLUGINS = sorted(LOCKED.keys() - set(RUNNERS))
SETS = [chosen for count in range(len(PLUGINS) + 1) for chosen in itertools.combinations(PLUGINS, count)]
needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm, which comes with Node.js")


def small(**entries: Any) -> dict[str, Any]:
    """A lock made by hand: `a` needs `b` of its own version, and asks whoever installs it for `p`."""
    return {
        "lockfileVersion": 3,
        "packages": {
            "": {"dependencies": {"a": "1.0.0", "c": "1.0.0"}},
            "node_modules/a": {
                "version": "1.0.0",
                "dependencies": {"b": "^2.0.0"},
                "peerDependencies": {"p": "1", "q": "1"},
                "peerDependenciesMeta": {"q": {"optional": True}},
                "optionalDependencies": {"o": "1"},
            },
            "node_modules/a/node_modules/b": {"version": "2.0.0", "dependencies": {"d": "1"}},
            "node_modules/b": {"version": "1.0.0"},
            "node_modules/c": {"version": "1.0.0", "dependencies": {"b": "1", "q": "1"}},
            "node_modules/d": {"version": "1.0.0"},
            "node_modules/o": {"version": "1.0.0", "optional": True, "dependencies": {"d": "1", "e": "1"}},
            "node_modules/e": {"version": "1.0.0", "optional": True},
            "node_modules/p": {"version": "1.0.0", "peer": True},
            "node_modules/q": {"version": "1.0.0"},
            **entries,
        },
    }


def test_a_part_holds_what_its_packages_need_and_no_more() -> None:
    part = subset(small(), {"a": "1.0.0"})["packages"]
    assert list(part)[1:] == [
        "node_modules/a",
        "node_modules/a/node_modules/b",
        "node_modules/d",
        "node_modules/e",
        "node_modules/o",
        "node_modules/p",
    ]
    assert list(subset(small(), {"c": "1.0.0"})["packages"])[1:] == [
        "node_modules/b",
        "node_modules/c",
        "node_modules/q",
    ]


def test_a_part_says_anew_what_is_optional_and_what_is_there_for_others() -> None:
    part = subset(small(), {"a": "1.0.0"})["packages"]
    assert {place for place, entry in part.items() if entry.get("optional")} == {"node_modules/e", "node_modules/o"}
    assert {place for place, entry in part.items() if entry.get("peer")} == {"node_modules/p"}


def test_what_npm_puts_in_the_way_of_a_wrong_version_stays() -> None:
    # Nobody must have node_modules/q here, but `a` looks for it and finds it.
    lock = small()
    del lock["packages"]["node_modules/c"]["dependencies"]["q"]
    assert "node_modules/q" in subset(lock, {"a": "1.0.0"})["packages"]


def test_a_lock_that_is_not_whole_is_refused() -> None:
    lock = small()
    del lock["packages"]["node_modules/d"]
    with pytest.raises(ValueError, match=r"not whole: node_modules/.* needs d, which it does not have"):
        subset(lock, {"a": "1.0.0"})


def test_a_package_that_the_lock_has_not_is_told_with_the_way_out() -> None:
    wanted = {**packages(), TYPO: "1.7.2", "@elizaos/server": "9.9.9"}
    assert list(map(str, missing(LOCK, wanted))) == [
        f"@elizaos/plugin-telegraf@1.7.2: the lock does not have it; {WAY_OUT}",
        f"@elizaos/server@9.9.9: the lock has {LOCKED['@elizaos/server']}; {WAY_OUT}",
    ]
    with pytest.raises(ValueError, match=r"plugin-telegraf@1\.7\.2: the lock does not have it"):
        subset(LOCK, wanted)


TYPO = "@elizaos/plugin-telegraf"
WAY_OUT = "`bash ci/lock.sh` writes the lock anew from the catalog, and says when there is no such package or version"


def test_the_lock_says_what_packages_are_and_not_where() -> None:
    text = json.dumps(LOCK)
    assert "://" not in text
    assert "resolved" not in text
    assert all("integrity" in entry for place, entry in LOCK["packages"].items() if place)


def test_addresses_are_left_out_of_a_lock() -> None:
    entry = {"version": "1.0.0", "resolved": "https://example.com/a", "funding": {"url": "https://example.com"}}
    assert without_addresses({"packages": {"node_modules/a": entry}}) == {
        "packages": {"node_modules/a": {"version": "1.0.0"}}
    }


def test_the_lock_covers_the_catalog() -> None:
    assert missing(LOCK, catalog_packages(Fleet.open(WorkTree(TOP)).catalog)) == []


def test_all_packages_together_are_the_whole_lock() -> None:
    whole = subset(LOCK, LOCKED)["packages"]
    assert {place: entry for place, entry in LOCK["packages"].items() if place} == {
        place: entry for place, entry in whole.items() if place
    }


def test_every_set_of_plugins_has_a_part_of_its_own() -> None:
    parts = {json.dumps(subset(LOCK, packages(*chosen))) for chosen in SETS}
    assert len(parts) == len(SETS) >= 2


def npm_accepts(folder: Path) -> subprocess.CompletedProcess[str]:
    """`npm ci` compares the lock with package.json before it fetches anything; a dry run needs no registry."""
    command = ["npm", "ci", "--dry-run", "--offline", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@needs_npm
@pytest.mark.parametrize("chosen", [SETS[0], SETS[len(SETS) // 2], SETS[-1], *SETS[1 : len(PLUGINS) + 1]])
def test_npm_accepts_the_part_of_a_set_of_plugins(tmp_path: Path, chosen: tuple[str, ...]) -> None:
    write_packages(tmp_path, packages(*chosen))
    done = npm_accepts(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "added" in done.stdout


@needs_npm
def test_npm_refuses_a_part_that_lacks_something(tmp_path: Path) -> None:
    part = copy.deepcopy(subset(LOCK, packages()))
    del part["packages"]["node_modules/express"]
    write_packages(tmp_path, packages(), part)
    done = npm_accepts(tmp_path)
    assert done.returncode != 0
    # Without what it knows of earlier runs npm does not come to say so: it would have to ask for what the lock lacks.
    assert "Missing: express@" in done.stderr or "ENOTCACHED" in done.stderr


@needs_npm
def test_a_version_that_does_not_exist_leaves_the_lock_and_is_named() -> None:
    with pytest.raises(LockError, match=r"No matching version found for @elizaos/core@0\.0\.0-none"):
        locked({"@elizaos/core": "0.0.0-none"})


def test_a_package_in_two_versions_is_refused() -> None:
    other = small_fleet.fleet({}, {"runtimes.yaml": ANOTHER_RUNTIME}).catalog
    with pytest.raises(LockError, match=r"the catalog names @elizaos/.* in two versions"):
        catalog_packages(other)


ANOTHER_RUNTIME = """\
older:
  description: An older elizaOS.
  build: eliza
  build_args: {ELIZA_VERSION: 1.6.5}
  base_image: node
  eliza: true
  port: 3000
  probes: {liveness: /healthz, readiness: /health}
"""


def test_package_json_asks_for_exactly_the_packages() -> None:
    wanted = package_json("eliza", {"b": "2.0.0", "a": "1.0.0"})
    assert json.dumps(wanted["dependencies"]) == '{"a": "1.0.0", "b": "2.0.0"}'
    assert wanted["private"] is True
