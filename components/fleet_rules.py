"""Rules that look at all agents at once: what no definition can see by itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from components.definition.findings import Finding, Severity, nearest
from components.definition.load_catalog import Catalog
from components.definition.places import agent_of
from components.definition.secret_stores import location
from components.definition.tree import Tree
from components.definition.yaml_reader import Document, KeyPath, read_yaml
from components.facts import Facts
from components.resolve.address_rules import keeps
from components.resolve.quantities import byte_count, cores

# Kubernetes' published limits for one namespace, and the pods beyond which its controllers slow down.
MAX_DEPLOYMENTS = 2000
MAX_SERVICES = 5000
MANY_PODS = 3000


def fleet_findings(
    paths: Iterable[str], known: Iterable[Facts], catalog: Catalog, tree: Tree, broken: Collection[str] = ()
) -> list[Finding]:
    """Everything that is wrong between agents. `paths` are all definitions, `known` the facts of all sound ones.

    What only seems wrong because a definition is among the `broken` is not said.
    """
    fleet = _Fleet(tree, list(known), catalog, {agent_of(path)[1] for path in broken})
    findings = [*_names_apart(paths), *fleet.credentials_apart(), *fleet.routes_apart(), *fleet.calls_answered()]
    findings += fleet.callers_known()
    return findings + list(fleet.pool_limits())


def _names_apart(paths: Iterable[str]) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for path in paths:
        name = agent_of(path)[1]
        other = first.setdefault(name, path)
        if other != path:
            # Said on both sides: which of them is the new one, only the reader of a change knows.
            for mine, theirs in ((path, other), (other, path)):
                message = f"the name {name} is taken by {theirs}; names are unique over all pools"
                yield Finding(mine, 1, 1, "name-taken", message, agent="/".join(agent_of(mine)))


class _Fleet:
    def __init__(self, tree: Tree, known: list[Facts], catalog: Catalog, broken: set[str]) -> None:
        self.broken = broken
        self.tree = tree
        self.known = known
        self.catalog = catalog
        self.documents: dict[str, Document] = {}

    def _finding(
        self, of: Facts, path: KeyPath, rule: str, message: str, severity: Severity = "error", needle: str = ""
    ) -> Finding:
        document = self.documents.get(of.file)
        if document is None:
            document = self.documents[of.file] = read_yaml(self.tree.read(of.file), of.file)
        line, column = document.place(path)
        if needle and needle in document.text:
            position = document.text.index(needle)
            line = document.text.count("\n", 0, position) + 1
            column = position - document.text.rfind("\n", 0, position)
        return Finding(of.file, line, column, rule, message, severity, of.key)

    def credentials_apart(self) -> Iterator[Finding]:
        """One bot credential, one consumer: not two agents, and not one agent in two environments."""
        stores = {name: location(environment.secrets.store) for name, environment in self.catalog.environments.items()}
        holders: dict[tuple[str, str], Facts] = {}
        for of in self.known:
            for reference in of.bot_credentials:
                holders.setdefault((stores[of.environment], reference), of)
        told: set[tuple[str, str, str]] = set()
        for of in self.known:
            for secret in of.secrets:
                reference = secret.split("=", 1)[1]
                other = holders.get((stores[of.environment], reference))
                if other is None or (other.key, other.environment) == (of.key, of.environment):
                    continue
                for mine, theirs in ((of, other), (other, of)):
                    path = self._without_prefix(reference.split("#", 1)[0], mine.environment)
                    if (mine.key, theirs.key, path) not in told:
                        told.add((mine.key, theirs.key, path))
                        yield self._shared_credential(mine, theirs, path)

    def _without_prefix(self, path: str, environment: str) -> str:
        prefix = self.catalog.environments[environment].secrets.prefix
        return path.removeprefix(f"{prefix}/") if prefix else path

    def _shared_credential(self, of: Facts, other: Facts, path: str) -> Finding:
        if other.key == of.key:
            message = (
                f"{other.environment} and {of.environment} use the same bot credential {path}; "
                "give each environment its own, by a secrets prefix in the catalog or an override"
            )
        else:
            message = (
                f"the bot credential {path} is also the one of {other.key} ({other.file}); two agents with one "
                "credential take each other's messages"
            )
        return self._finding(of, ("channels",), "credential-shared", message, needle=path)

    def routes_apart(self) -> Iterator[Finding]:
        """One public address, one agent; one public host, one pool: who takes a path there takes it from others."""
        taken: dict[tuple[str, str], Facts] = {}
        first: dict[tuple[str, str], Facts] = {}
        told: set[tuple[str, str]] = set()
        for of in self.known:
            if not of.route:
                continue
            public = of.route.split("/")[0]
            elder = first.setdefault((of.environment, public), of)
            shared = all(keeps(one.pool, public, self.catalog) for one in (of, elder))
            apart = elder.pool != of.pool and elder.route != of.route and not shared
            if apart and (of.key, elder.key) not in told:
                told.add((of.key, elder.key))
                for mine, theirs in ((of, elder), (elder, of)):
                    message = (
                        f"{public} in {of.environment} is also the host of {theirs.key}, an agent of another pool; "
                        "pools share a host when domains of both, in agents/catalog/pools.yaml, have it"
                    )
                    yield self._finding(mine, ("exposure", "host"), "address-taken", message, needle=public)
            other = taken.setdefault((of.environment, of.route), of)
            if other is not of and (of.key, other.key) not in told:
                told.add((of.key, other.key))
                for mine, theirs in ((of, other), (other, of)):
                    message = f"{of.route} in {of.environment} is the address of {theirs.key} ({theirs.file})"
                    host = of.route.split("/")[0]
                    yield self._finding(mine, ("exposure", "host"), "address-taken", message, needle=host)

    def calls_answered(self) -> Iterator[Finding]:
        """Who calls must be expected by whom it calls."""
        by_place = {(of.environment, of.namespace, of.name): of for of in self.known}
        told: set[tuple[str, int]] = set()
        for of in self.known:
            for index, (namespace, name) in enumerate(of.calls):
                if (of.key, index) in told:
                    continue
                called = by_place.get((of.environment, namespace, name))
                if called is None and name in self.broken:
                    continue
                if called is None:
                    message = (
                        f"calls: there is no agent {name} in {namespace}, the pool's namespace in {of.environment}"
                    )
                elif not any(caller in ((of.namespace, of.name), (of.namespace, "")) for caller in called.callers):
                    message = (
                        f"calls: {called.key} does not expect {of.key}; add it to exposure.callers in {called.file}"
                    )
                elif not called.serves:
                    message = f"calls: {called.key} answers nobody: its runtime {called.runtime} does not serve"
                else:
                    continue
                told.add((of.key, index))
                yield self._finding(of, ("calls", index), "call-unanswered", message)

    def callers_known(self) -> Iterator[Finding]:
        """A caller that does not exist: most likely a typing error, or a definition that comes later."""
        names = {of.name for of in self.known} | self.broken
        told: set[tuple[str, str]] = set()
        for of in self.known:
            for _, name in of.callers:
                if name and name not in names and (of.key, name) not in told:
                    told.add((of.key, name))
                    message = f"exposure.callers: there is no agent {name} yet.{nearest(name, names)}"
                    path: KeyPath = ("exposure", "callers")
                    yield self._finding(of, path, "caller-unknown", message, "warning", needle=name)

    def pool_limits(self) -> Iterator[Finding]:
        """What one namespace can hold, and what the pool's quota lets it."""
        groups: dict[tuple[str, str], list[Facts]] = defaultdict(list)
        for of in self.known:
            groups[of.pool, of.environment].append(of)
        document = self.catalog.documents["pools"]
        for (pool, environment), members in sorted(groups.items()):
            services = sum(of.serves for of in members)
            pods = sum(of.pods_max for of in members)
            where = f"the pool {pool} in {environment}"
            if len(members) > MAX_DEPLOYMENTS:
                limit = f"Kubernetes holds {MAX_DEPLOYMENTS:,} Deployments in a namespace"
                message = f"{where} has {len(members):,} agents; {limit}"
                yield document.finding((pool,), "pool-too-large", message, key=True)
            if services > MAX_SERVICES:
                message = f"{where} has {services:,} Services; Kubernetes holds {MAX_SERVICES:,} in a namespace"
                yield document.finding((pool,), "pool-too-large", message, key=True)
            if pods > MANY_PODS:
                message = (
                    f"{where} would have {pods:,} pods with every agent at its maximum; over {MANY_PODS:,} are slow"
                )
                yield _warning(document.finding((pool,), "pool-many-pods", message, key=True))
            yield from self._quota(pool, environment, members)

    def _quota(self, pool: str, environment: str, members: list[Facts]) -> Iterator[Finding]:
        quota = self.catalog.pools[pool].quota
        needs = (
            ("pods", sum(of.pods_min for of in members), quota.pods, str(quota.pods)),
            ("cpu", sum(of.pods_min * of.cpu_request for of in members), cores(quota.cpu), quota.cpu),
            ("memory", sum(of.pods_min * of.memory_request for of in members), byte_count(quota.memory), quota.memory),
            ("storage", sum(of.storage for of in members), byte_count(quota.storage), quota.storage),
        )
        for name, needed, allowed, written in needs:
            if needed > allowed:
                share = f"{100 * needed / allowed:.0f} %"
                asked = f"ask for {share} of the pool's quota.{name} ({written}) at their minimum"
                message = f"agents of {pool} in {environment} {asked}"
                document = self.catalog.documents["pools"]
                yield _warning(document.finding((pool, "quota", name), "quota-exceeded", message))


def _warning(finding: Finding) -> Finding:
    return Finding(finding.file, finding.line, finding.column, finding.rule, finding.message, "warning")
