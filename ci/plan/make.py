"""Makes the plan: renders both states, each by its own code, and compares them agent by agent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from ci.git import CommitTree, branch_point, changed_paths, worktree
from ci.parallel import for_each
from ci.plan.compare import ADDED, REMOVED, Change, compare
from ci.plan.differences import Difference
from ci.plan.differences import differences as value_differences
from ci.plan.placement import Placement, moves
from ci.plan.reviewed import Clusters, ObjectChanges, object_changes, shared_changes
from ci.plan.side import EmptySide, LiveSide, Rendered, Side, SpooledSide, code_differs, spool_with_own_code
from ci.plan.waivers import refused_changes, refused_shared
from components.definition.findings import Finding, InvalidInput, errors
from components.definition.places import CATALOG, CONTEXTS, agent_of, definition_paths, is_definition
from components.definition.tree import AGENTS, Tree, WorkTree
from components.fleet import Fleet
from components.fleet_rules import fleet_findings
from components.removals import FEW, MANY, alarming
from components.specs import Manifest
from policies.rules import RULES
from policies.waivers import waiver_findings

FEW_OF_A_POOL = 3
_Shared = Mapping[tuple[str, str], list[Manifest]]


@dataclass(slots=True)
class Plan:
    """What changes. `before` and `after` count the definitions of each state."""

    base: str
    environments: list[str]
    changes: list[Change] = field(default_factory=list)
    catalog: list[tuple[str, Difference]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    agents_before: int = 0
    agents_after: int = 0
    compared: int = 0
    removed: dict[str, int] = field(default_factory=dict)
    of: dict[str, int] = field(default_factory=dict)
    alarming: bool = False
    stacks: list[str] = field(default_factory=list)
    old_stacks: list[str] = field(default_factory=list)
    emptied: dict[str, int] = field(default_factory=dict)
    currency: str = ""
    objects: ObjectChanges = field(default_factory=ObjectChanges)


def make_plan(top: Path, ref: str, today: str, only: Sequence[str] | None = None, processes: int | None = None) -> Plan:
    """The plan from `ref` (from where the branch left it) to the files on disk.

    Raises `ci.git.GitError`, and InvalidInput when the catalog on disk is not sound.
    """
    commit = branch_point(top, ref)
    head = Fleet.open(WorkTree(top))
    with closing(CommitTree(top, commit)) as base:
        return _Making(top, commit, base, head, today, only).make(processes)


class _Making:
    """One plan being made: both trees, and what differs between them."""

    def __init__(
        self, top: Path, commit: str, base: CommitTree, head: Fleet, today: str, only: Sequence[str] | None
    ) -> None:
        self.top = top
        self.commit = commit
        self.base = base
        self.head = head
        self.today = today
        self.differing = changed_paths(top, commit)
        self.base_paths = definition_paths(base.files(AGENTS))
        self.old = _sound(base)
        self.before = Placement(self.old.catalog) if self.old else None
        self.after = Placement(head.catalog)
        self.clusters = Clusters((self.old or head).catalog), Clusters(head.catalog)
        olds = list(self.old.catalog.environments) if self.old else []
        self.environments = list(only) if only else list(dict.fromkeys([*head.catalog.environments, *olds]))
        self.own_code = code_differs(self.differing)
        self.plan = Plan(commit, self.environments, currency=head.catalog.settings.prices.currency)
        self.plan.agents_before, self.plan.agents_after = len(self.base_paths), len(head.definitions)

    def make(self, processes: int | None) -> Plan:
        """Compares whatever can differ."""
        plan, head = self.plan, self.head
        live = LiveSide(head, self.today, self.environments)
        paths = self._paths()
        plan.compared = len(paths)
        with TemporaryDirectory(prefix="roster-plan-") as folder:
            base = self._base_side(Path(folder))
            self._compare_all(paths, base, live, processes)
            olds, news = base.shared(), live.shared()
            _compare_shared(olds, news, plan)
            plan.findings += refused_shared(olds, news, head.catalog, self.today)
            plan.objects.add(shared_changes(olds, news, *self.clusters))
            _count_removed(plan, self.base_paths, base)
        _count_emptied(plan, self.base_paths, head)
        plan.catalog = _catalog_differences(self.old, head) if self.old else []
        plan.findings += waiver_findings(head.catalog, self.today, [rule.id for rule in RULES])
        plan.findings += [*head.findings, *fleet_findings(head.definitions, [], head.catalog, head.tree)]
        plan.stacks = self.after.touched(plan.changes)
        if self.before:
            known = {stack.name for stack in self.after.stacks}
            plan.old_stacks = [name for name in self.before.touched(plan.changes) if name not in known]
        return plan

    def _compare_all(self, paths: list[str], base: Side, live: LiveSide, processes: int | None) -> None:
        catalog_changes = concerns_all(self.differing)

        def work(path: str) -> tuple[list[Change], list[Finding], bool, ObjectChanges]:
            before, problems = base.agent(path)
            after, findings = live.agent(path)
            objects = ObjectChanges()
            if findings:
                return [], findings, False, objects
            pool, name = agent_of(path)
            changes: list[Change] = []
            refused: list[Finding] = []
            for environment in [*after, *(one for one in before if one not in after)]:
                old, new = before.get(environment), after.get(environment)
                where = (one.of(environment, pool) for one in self.clusters)
                olds, news = (one.manifests if one else [] for one in (old, new))
                objects.add(object_changes(environment, olds, news, *where))
                moved = []
                if catalog_changes and self.before and old and new:
                    moved = moves(self.before, self.after, environment, pool, name)
                change = compare(f"{pool}/{name}", environment, old, new, moved)
                if change is not None:
                    changes.append(change)
                    refused += refused_changes(path, f"{pool}/{name}", old, new, live.fleet.catalog.waivers)
            return changes, refused, bool(problems), objects

        for path, (changes, findings, unknown, objects) in zip(paths, for_each(paths, work, processes), strict=True):
            self.plan.objects.add(objects)
            self.plan.changes += changes
            self.plan.findings += findings
            if unknown:
                self.plan.notes.append(f"{path} has errors at the base, so it is shown as added")

    def _paths(self) -> list[str]:
        if self.own_code or concerns_all(self.differing):
            return sorted({*self.base_paths, *self.head.definitions})
        states = (self.base, self.base_paths), (self.head.tree, self.head.definitions)
        return affected(self.differing, states)

    def _base_side(self, folder: Path) -> Side:
        if self.own_code:
            with worktree(self.top, self.commit) as checkout:
                problem = spool_with_own_code(checkout, folder, self.today, self.environments)
            if problem:
                self.plan.notes.append(f"{problem}; every agent is shown as added")
                return EmptySide()
            self.plan.notes.append("Roster's own code changes, so the base was rendered by the base's code")
            return SpooledSide(folder, self.environments)
        try:
            return LiveSide(Fleet.open(self.base), self.today, self.environments)
        except InvalidInput as error:
            self.plan.notes.append(
                f"the base's catalog is not sound ({error.findings[0]}); every agent is shown as added"
            )
            return EmptySide()


def _sound(tree: Tree) -> Fleet | None:
    try:
        return Fleet.open(tree)
    except InvalidInput:
        return None


def concerns_all(paths: Iterable[str]) -> bool:
    """Whether a path among them can change any agent: the catalog, or what runtimes are built from."""
    return any(path.startswith((f"{CATALOG}/", f"{CONTEXTS}/")) and not path.endswith(".schema.json") for path in paths)


def affected(differing: Iterable[str], states: Iterable[tuple[Tree, list[str]]]) -> list[str]:
    """Definitions that differ, and those that name a file that differs; `states` are trees with their definitions."""
    inside = [path for path in differing if path.startswith(f"{AGENTS}/")]
    chosen = {path for path in inside if is_definition(path)}
    words = {part.encode() for path in inside if not is_definition(path) for part in path.split("/")[2:]}
    if words:
        for tree, paths in states:
            for path in paths:
                if path not in chosen and any(word in tree.read(path) for word in words):
                    chosen.add(path)
    return sorted(chosen)


def _compare_shared(olds: _Shared, news: _Shared, plan: Plan) -> None:
    for environment, pool in [*news, *(key for key in olds if key not in news)]:
        old, new = olds.get((environment, pool)), news.get((environment, pool))
        before = None if old is None else Rendered(None, old)
        after = None if new is None else Rendered(None, new)
        name = f"{pool} (the pool itself)" if pool else "(the platform)"
        change = compare(name, environment, before, after)
        if change is not None:
            change.pool = pool
            plan.changes.append(change)


def _catalog_differences(old: Fleet, head: Fleet) -> list[tuple[str, Difference]]:
    """What differs in the catalog, value by value, with the file."""
    found: list[tuple[str, Difference]] = []
    befores, afters = old.catalog.documents, head.catalog.documents
    for kind in [*afters, *(name for name in befores if name not in afters)]:
        before, after = befores.get(kind), afters.get(kind)
        first, second = (one.value or {} if one else {} for one in (before, after))
        if first != second:
            file = (after or before).file  # type: ignore[union-attr]
            found += [(file, one) for one in value_differences({"kind": kind, **first}, {"kind": kind, **second})]
    return found


def _count_emptied(plan: Plan, base_paths: list[str], head: Fleet) -> None:
    """A pool that loses all its agents at once alarms, however few they are."""
    left = {agent_of(path)[0] for path in head.definitions}
    for pool, count in Counter(agent_of(path)[0] for path in base_paths).items():
        if pool not in left and count >= FEW_OF_A_POOL:
            plan.emptied[pool] = count
            plan.alarming = True


def _count_removed(plan: Plan, base_paths: list[str], base: Side) -> None:
    """Counts agents that go, in each environment; looks at the whole base only when that could alarm."""
    gone = Counter(change.environment for change in plan.changes if change.kind == REMOVED and change.before)
    for environment, count in gone.items():
        total = len(base_paths)
        if FEW <= count <= MANY:
            total = sum(environment in base.agent(path)[0] for path in base_paths)
        plan.removed[environment], plan.of[environment] = count, total
        if alarming(count, total):
            plan.alarming = True


def new_images(plan: Plan) -> dict[str, list[str]]:
    """Images that agents would begin to run and may not yet: why not → agents."""
    found: dict[str, list[str]] = {}
    for change in plan.changes:
        if not change.waits:
            continue
        agents = found.setdefault(change.waits, [])
        if change.key not in agents:
            agents.append(change.key)
    return found


def broken(plan: Plan) -> list[Finding]:
    """The errors that keep the plan from being whole."""
    return sorted(set(errors(plan.findings)))


__all__ = ["ADDED", "REMOVED", "Plan", "affected", "broken", "concerns_all", "make_plan", "new_images"]
