"""What holds for any valid definition, and what no input can do.

`ROSTER_FUZZ=20000 pytest tests/test_properties.py` tries so many mutations instead of 800.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import ryaml
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_fleet import CHARACTER, CONTEXTS, FIXTURES, MINIMAL, TODAY, catalog_files, fleet, tree

from ci.inspection import Inspector
from components.definition.agent import Definition
from components.definition.findings import Finding, InvalidInput, errors
from components.definition.tree import MemoryTree
from components.fleet import Fleet
from components.manifest_yaml import dump, dump_all
from components.resolve.resolved import ResolvedAgent
from components.specs import Manifest, agent_manifests
from policies.judge import Policies
from policies.limits import check_limits
from policies.rule import Subject
from policies.schemas import SchemaChecker

ROOT = Path(__file__).parent.parent
FUZZ = int(os.environ.get("ROSTER_FUZZ", "800"))
CHECKER = SchemaChecker()
ENVIRONMENTS = ("dev", "staging", "prod")
PATH = "agents/business/sample.yaml"

# --- any valid definition

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
IDENTITIES = [
    {"aws_role": "arn:aws:iam::123456789012:role/business-agents"},
    {"gcp_service_account": "business@agents-prod.iam.gserviceaccount.com"},
    {"azure_client_id": "7f9c2ba4-e88f-4ab0-9c3e-1b2d3c4d5e6f"},
]
hosts = st.sampled_from(["api.example.com", "data.example.org", "a-b.c-d.example.net"])
callers = st.sampled_from(["gateway", "support/*", "community/herald", "business/other"])


def lists(values: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(values, max_size=3, unique=True)


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, Any]:
    """Any valid definition over the fixture catalog; between them they use every field."""
    runtime = draw(st.sampled_from(["fastapi", "eliza", "worker", "sidecar-metrics"]))
    given: dict[str, Any] = {
        "version": 1,
        "description": draw(texts.filter(bool)),
        "owner": draw(st.sampled_from(["growth", "support", "platform"])),
        "runtime": runtime,
    }

    def maybe(key: str, values: st.SearchStrategy[Any]) -> None:
        if draw(st.booleans()):
            given[key] = draw(values)

    listed = draw(st.lists(st.sampled_from(ENVIRONMENTS), min_size=1, unique=True))
    given["environments"] = listed
    _talks(draw, given, maybe, runtime)
    maybe("storage", _storages())
    polling = any(name in given.get("channels", {}) for name in ("telegram", "discord", "twitter"))
    single = polling or "volume" in given.get("storage", {})
    if single:
        given["scaling"] = {"min": 1, "max": 1}
    else:
        maybe("scaling", _scalings())
    _settings_of(draw, given, maybe)
    if runtime != "worker":
        maybe("metrics", st.fixed_dictionaries({"path": st.just("/own")}, optional={"port": st.just(9200)}))
        maybe("alert_rules", st.dictionaries(st.from_regex(r"\A[A-Z][A-Za-z0-9]{2,9}\Z"), _alerts(), max_size=2))
        if "alert_rules" in given:
            series = {"own_seconds": ["kind"], "own_total": []}
            given["metrics"] = {"path": "/own", **given.get("metrics", {}), "series": series}
        maybe("exposure", _exposures())
    if runtime in ("worker", "eliza") and "metrics" not in given:
        for measured in {"p95_seconds", "queue_depth"} & given.get("alerts", {}).keys():
            del given["alerts"][measured]
    maybe("overrides", st.dictionaries(st.sampled_from(listed), _overrides(), max_size=2))
    return given


def _talks(draw: st.DrawFn, given: dict[str, Any], maybe: Callable[..., None], runtime: str) -> None:
    model = st.fixed_dictionaries(
        {"name": st.sampled_from(["claude-sonnet-4-5", "gpt-5-mini", "sleeper-1"])},
        optional={
            "max_tokens": st.integers(1, 8000),
            "temperature": st.integers(0, 200).map(lambda share: share / 100),
        },
    )
    if runtime in ("fastapi", "eliza"):
        given["model"] = draw(model)
        maybe("budget", st.fixed_dictionaries({}, optional={"tokens_per_day": st.integers(1, 10**9)}))
        maybe("knowledge", lists(st.sampled_from(["faq.md", "deep/table.csv"])))
        maybe("prompt", st.fixed_dictionaries({"text": texts.filter(bool)}, optional={"version": st.just("1.0.0")}))
    channel = st.fixed_dictionaries({}, optional={"secret": st.just("business/own"), "env": _envs("CHANNEL_")})
    if runtime == "fastapi":
        maybe("plugins", st.just(["notebook"]))
        maybe("service", _services())
        maybe("channels", st.dictionaries(st.sampled_from(["webhook", "pager"]), channel, max_size=2))
    if runtime == "eliza":
        bio = st.one_of(texts, st.lists(texts, max_size=3))
        given["character"] = {"inline": draw(st.fixed_dictionaries({"name": texts.filter(bool), "bio": bio}))}
        maybe("plugins", lists(st.sampled_from(["embeddings", "web-search"])))
        names = st.sampled_from(["telegram", "discord", "twitter", "webhook"])
        maybe("channels", st.dictionaries(names, st.fixed_dictionaries({}), max_size=3))


def _services() -> st.SearchStrategy[dict[str, Any]]:
    actions = st.sampled_from(["off", "log", "mask", "block"])
    parts = {
        "auth": st.fixed_dictionaries({}, optional={"required": st.booleans(), "api_keys": st.just("API_KEYS")}),
        "limits": st.fixed_dictionaries({}, optional={"requests_per_minute": st.integers(1, 1000)}),
        "timeouts": st.fixed_dictionaries({}, optional={"attempts": st.integers(1, 5)}),
        "safety": st.fixed_dictionaries({}, optional={"pii": actions, "injection": actions, "output": actions}),
    }
    return st.fixed_dictionaries({}, optional=parts)


def _envs(prefix: str) -> st.SearchStrategy[dict[str, str]]:
    return st.dictionaries(st.from_regex(rf"\A{prefix}[A-Z0-9_]{{0,9}}\Z"), texts, max_size=3)


def _storages() -> st.SearchStrategy[dict[str, Any]]:
    volume = st.fixed_dictionaries(
        {"size": st.sampled_from(["1Gi", "500Mi", "2T"]), "path": st.sampled_from(["/data", "/var/lib/x.y"])},
        optional={"storage_class": st.just("fast-ssd")},
    )
    databases = lists(st.sampled_from(["agents-postgres", "platform-redis"]))
    return st.fixed_dictionaries({}, optional={"volume": volume, "databases": databases})


def _alerts() -> st.SearchStrategy[dict[str, Any]]:
    expressions = ["own_total > 1", 'histogram_quantile(0.5, rate(own_seconds_bucket{kind!~"a.*"}[5m])) > 3']
    optional = {
        "severity": st.sampled_from(["critical", "warning", "info"]),
        "minutes": st.integers(0, 1440),
        "runbook": st.sampled_from(["https://example.com/r", "faq.md"]),
    }
    given = {"expression": st.sampled_from(expressions), "summary": st.just("Too many: {{ $value }}")}
    return st.fixed_dictionaries(given, optional=optional)


@st.composite
def _scalings(draw: st.DrawFn) -> dict[str, Any]:
    least = draw(st.integers(1, 5))
    scaling: dict[str, Any] = {"min": least, "max": least + draw(st.integers(0, 20))}
    if draw(st.booleans()):
        scaling["min"] = draw(st.integers(0, least))
        scaling["queue"] = {"source": "tasks", "name": "jobs/a:b", "length": draw(st.integers(1, 500))}
        return scaling
    for name in ("cpu", "memory"):
        if draw(st.booleans()):
            scaling[name] = draw(st.integers(1, 100))
    return scaling


def _settings_of(draw: st.DrawFn, given: dict[str, Any], maybe: Callable[..., None]) -> None:
    reference = st.sampled_from(["business/crm#api-key", "growth/c-d/e#E-1"])
    maybe("secrets", st.dictionaries(st.from_regex(r"\ASECRET_[A-Z0-9_]{0,9}\Z"), reference, max_size=3))
    maybe("env", _envs("OWN_"))
    maybe("tier", st.sampled_from(["small", "medium", "large", "critical"]))
    requests = st.fixed_dictionaries({}, optional={"cpu": st.sampled_from(["1m", "0.25"]), "memory": st.just("64Mi")})
    limits = st.fixed_dictionaries({}, optional={"cpu": st.sampled_from(["4", "2500m"]), "memory": st.just("9Gi")})
    maybe("resources", st.fixed_dictionaries({}, optional={"requests": requests, "limits": limits}))
    maybe("port", st.integers(1024, 65535).filter(lambda port: port not in (9090, 9200)))
    probes = {"liveness": st.just("/l"), "readiness": st.just("/r"), "startup_seconds": st.integers(5, 1800)}
    maybe("probes", st.fixed_dictionaries({}, optional=probes))
    maybe("hosts", lists(hosts))
    maybe("identity", st.sampled_from(IDENTITIES))
    alerts = {
        "down_minutes": st.integers(1, 1440),
        "p95_seconds": st.integers(1, 959).map(lambda eighths: eighths / 8),
        "cpu_percent": st.just(50),
    }
    maybe("alerts", st.fixed_dictionaries({}, optional={**alerts, "queue_depth": st.integers(1, 10**9)}))
    keys = st.sampled_from(["example.com/a", "b", "x.y-z.example.com/C_d.e"])
    maybe("labels", st.dictionaries(keys, st.from_regex(r"\A([A-Za-z0-9]([A-Za-z0-9_.-]{0,9}[A-Za-z0-9])?)?\Z")))
    maybe("annotations", st.dictionaries(keys, texts))
    start, stop = st.sampled_from(["0 8 * * 1-5", "*/5 7 1 1,2 *"]), st.sampled_from(["0 18 * * 1-5", "59 23 31 12 0"])
    times = {"start": start, "stop": stop, "timezone": st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"])}
    maybe("schedule", st.fixed_dictionaries(times))
    maybe("suspended", st.booleans())
    maybe("restarts", st.integers(0, 10**6))
    maybe("calls", lists(st.sampled_from(["support/helper", "community/herald"])))
    if draw(st.booleans()):
        key = draw(st.sampled_from(["image", "build"]))
        digest = f"registry.example.com/own@sha256:{'ab' * 32}"
        given[key] = digest if key == "image" else {"context": "built", "dockerfile": "Dockerfile"}


def _exposures() -> st.SearchStrategy[dict[str, Any]]:
    public = st.fixed_dictionaries(
        {"host": st.just("plans.example.com"), "callers": st.just(["gateway", "support/*"])},
        optional={"path": st.sampled_from(["/", "/v1", "/a/b-c/", "/%20x"])},
    )
    return st.one_of(public, st.fixed_dictionaries({"callers": lists(callers)}))


def _overrides() -> st.SearchStrategy[dict[str, Any]]:
    reference = st.just("business/other#key")
    optional = {"env": _envs("OWN_"), "hosts": lists(hosts), "suspended": st.booleans(), "restarts": st.integers(0, 9)}
    secrets = st.dictionaries(st.just("SECRET_A"), reference)
    return st.fixed_dictionaries({}, optional={**optional, "secrets": secrets, "port": st.integers(2000, 9000)})


SIDE_FILES = {
    "business/faq.md": "# Questions\n",
    "business/deep/table.csv": "a,b\n",
    "business/built/Dockerfile": "FROM scratch",
}
STATE = tree({"business/sample.yaml": MINIMAL, **SIDE_FILES})
FLEET = Fleet.open(STATE)


def become(definition: dict[str, Any]) -> list[tuple[ResolvedAgent, list[Manifest]]]:
    """What a definition becomes in each of its environments; it must be valid."""
    STATE.contents[PATH] = dump(definition).encode()
    examined = FLEET.examine(PATH)
    assert not errors(examined.findings), "\n".join(map(str, examined.findings))
    return [(agent, agent_manifests(agent)) for agent in examined.resolved.values()]


any_definition = given(definition=definitions())
quick = settings(
    max_examples=max(40, min(FUZZ // 40, 2000)),
    deadline=None,
    database=None,
    derandomize="ROSTER_FUZZ" not in os.environ,
    suppress_health_check=list(HealthCheck),
)


@quick
@any_definition
def test_every_object_is_accepted_and_keeps_every_policy(definition: dict[str, Any]) -> None:
    policies = Policies({}, TODAY)
    for agent, manifests in become(definition):
        for manifest in manifests:
            assert CHECKER.check(manifest) == []
            assert check_limits(manifest) == []
        broken = policies.judge(manifests, Subject.of(agent, FLEET.catalog))
        assert [one.message for one in broken if one.severity == "error"] == []


@quick
@any_definition
def test_the_objects_of_an_agent_fit_together(definition: dict[str, Any]) -> None:
    for agent, manifests in become(definition):
        kinds = [manifest["kind"] for manifest in manifests]
        assert len(kinds) == len(set(kinds)), "one object of a kind"
        by_kind = dict(zip(kinds, manifests, strict=True))
        assert {(one["metadata"]["name"], one["metadata"]["namespace"]) for one in manifests} == {
            (agent.name, agent.namespace)
        }
        spec = by_kind["Deployment"]["spec"]
        labels = spec["template"]["metadata"]["labels"]
        for of in (by_kind["NetworkPolicy"]["spec"]["podSelector"], spec["selector"]):
            assert of["matchLabels"].items() <= labels.items()
        _scaling_fits(agent, by_kind)
        container = spec["template"]["spec"]["containers"][0]
        names = [one["name"] for one in container.get("env", [])]
        assert len(names) == len(set(names)), "a variable has one source"
        asked = {one["valueFrom"]["secretKeyRef"]["key"] for one in container.get("env", []) if "valueFrom" in one}
        if any("secret" in one for one in spec["template"]["spec"].get("volumes", [])):
            assert not asked, "a secret that is a file is no variable"
            asked = {one.env for one in agent.secrets}
        offered = {one["secretKey"] for one in by_kind.get("ExternalSecret", {"spec": {"data": []}})["spec"]["data"]}
        assert asked == offered
        mounted = {one["name"] for one in container.get("volumeMounts", [])}
        assert mounted == {one["name"] for one in spec["template"]["spec"].get("volumes", [])}


def _scaling_fits(agent: ResolvedAgent, by_kind: dict[str, Manifest]) -> None:
    spec = by_kind["Deployment"]["spec"]
    scaler = by_kind.keys() & {"HorizontalPodAutoscaler", "ScaledObject"}
    assert len(scaler) <= 1
    # KEDA's is paused at the very number of a suspended agent.
    decided = bool(scaler) and not agent.suspended
    assert ("replicas" in spec) == (not decided), "one decides how many pods there are, and only one"
    if agent.suspended:
        assert spec["replicas"] == 0
        for name in scaler:
            assert by_kind[name]["metadata"]["annotations"]["autoscaling.keda.sh/paused-replicas"] == "0"
        assert not by_kind.keys() & {"PodDisruptionBudget", "HTTPRoute", "PrometheusRule"}
    if "PodDisruptionBudget" in by_kind:
        assert agent.scaling.min >= 2
    if agent.single:
        assert spec["strategy"] == {"type": "Recreate"}
        assert spec.get("replicas", 1) <= 1
    if "ScaledObject" in by_kind and agent.single:
        assert by_kind["ScaledObject"]["spec"]["maxReplicaCount"] == 1


@quick
@any_definition
def test_every_parser_reads_back_what_was_meant(definition: dict[str, Any]) -> None:
    for number, (_, manifests) in enumerate(become(definition)):
        text = dump_all(manifests)
        assert text == dump_all(agent_manifests(become(definition)[number][0])), "twice the same"
        assert list(yaml.load_all(text, yaml.CSafeLoader)) == manifests
        assert [ryaml.loads(dump(manifest)) for manifest in manifests] == manifests  # type: ignore[attr-defined]


def test_the_strategy_draws_every_field() -> None:
    """A field that is never drawn is never tried."""
    drawn: set[str] = set()

    @settings(max_examples=100, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(definition=definitions())
    def collect(definition: dict[str, Any]) -> None:
        drawn.update(definition)

    collect()
    assert drawn == set(Definition.model_fields)


def test_another_process_with_another_hash_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    program = (
        "import sys, hashlib; sys.path[:0] = sys.argv[1:3]\n"
        "import test_properties as t\n"
        "from hypothesis import given, settings, HealthCheck\n"
        "digest = hashlib.sha256()\n"
        "@settings(max_examples=15, deadline=None, database=None, derandomize=True,"
        " suppress_health_check=list(HealthCheck))\n"
        "@given(definition=t.definitions())\n"
        "def run(definition):\n"
        "    for _, manifests in t.become(definition): digest.update(t.dump_all(manifests).encode())\n"
        "run(); print(digest.hexdigest())\n"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", program, str(ROOT), str(ROOT / "tests")],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        for seed in ("1", "2")
    ]
    assert [one.returncode for one in runs] == [0, 0], runs[0].stderr
    printed = {one.stdout for one in runs}
    assert len(printed) == 1
    assert len(printed.pop().strip()) == 64


# --- what no input can do

NASTY = [
    "", "null", "~", "yes", "No", "0x1F", "012", "1_000", "12:30:45", "2026-11-21", ".inf", "-.inf", ".nan", "1e999",
    "-1", "0", "999999999999999999", "9" * 400 + ".5", "1.5", "true", "[]", "{}", "[null]", "{a: null}", "[[[[]]]]",
    "'%s'" % ("a" * 300), '"\\0"', '"\\u2028"', '"\\uFEFF"', '"\\U0001F600"', "'a\n\n  b'", "|\n      x\n", ">-\n  x\n",
    "*x", "&x y", "!!int 3", "!<str> x", "!<map> x", "!!python/object:os.system {}", "<<", "? x", "- x", "@", "`", "%",
    "'../../etc/passwd'", "'/etc/passwd'", "'.'", "'..'", "'a/../../b'", "'a\\b'", "'*'", "'*.example.com'", "'::1'",
    "'{{ x }}'", "'{name}'", "'{'", "'a#b'", "'a/b#c'", "gateway", "'business/*'", "sk-ant-abcdefghijklmnop1234",
    "fastapi", "eliza", "telegram", "critical", "'1Gi'", "'1m'", "'0'", "'0.001'", "\t", "#", "\u00e9", "\u202e",
]  # fmt: skip
KEYS = sorted(
    {name for model in (Definition, *Definition.__subclasses__()) for name in model.model_fields}
    | {"min", "max", "cpu", "memory", "queue", "text", "file", "inline", "requests", "limits", "volume", "host", "prod"}
)
Mutation = Callable[[random.Random, str], str]


def _lines(change: Callable[[random.Random, list[str]], None]) -> Mutation:
    def mutate(rng: random.Random, text: str) -> str:
        lines = text.split("\n")
        change(rng, lines)
        return "\n".join(lines)

    return mutate


def _replace_scalar(rng: random.Random, lines: list[str]) -> None:
    with_value = [index for index, line in enumerate(lines) if ": " in line or line.lstrip().startswith("- ")]
    if with_value:
        index = rng.choice(with_value)
        mark = ": " if ": " in lines[index] else "- "
        lines[index] = lines[index].split(mark, 1)[0] + mark + rng.choice(NASTY)


def _indent(rng: random.Random, lines: list[str]) -> None:
    index = rng.randrange(len(lines))
    lines[index] = " " * rng.randrange(7) + lines[index].lstrip() if rng.random() < 0.9 else "\t" + lines[index]


def _insert_key(rng: random.Random, lines: list[str]) -> None:
    index = rng.randrange(len(lines) + 1)
    lines.insert(index, f"{' ' * rng.choice((0, 0, 2, 4))}{rng.choice(KEYS)}: {rng.choice(NASTY)}")


def _random_bytes(rng: random.Random, text: str) -> str:
    at = rng.randrange(len(text) + 1)
    junk = "".join(chr(rng.choice((rng.randrange(128), rng.randrange(0x3000)))) for _ in range(rng.randrange(1, 6)))
    return text[:at] + junk + text[at + rng.randrange(4) :]


def _swap(rng: random.Random, lines: list[str]) -> None:
    first, second = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[first], lines[second] = lines[second], lines[first]


def _change_word(rng: random.Random, text: str) -> str:
    """Another word of the file, or a key of the schema, in the place of one."""
    words = text.split(" ")
    words[rng.randrange(len(words))] = rng.choice([rng.choice(words), rng.choice(KEYS) + ":", rng.choice(NASTY)])
    return " ".join(words)


TEXT_MUTATIONS: tuple[Mutation, ...] = (
    _lines(lambda rng, lines: lines.pop(rng.randrange(len(lines))) and None),
    _lines(lambda rng, lines: lines.insert(rng.randrange(len(lines)), rng.choice(lines))),
    _lines(_swap),
    _lines(_indent),
    _lines(_replace_scalar),
    _lines(_replace_scalar),
    _lines(_insert_key),
    _lines(_insert_key),
    _random_bytes,
    _change_word,
    lambda rng, text: text[: rng.randrange(len(text) + 1)],
    lambda rng, text: text + rng.choice(["\n---\n", "\n...\n", "\n" + text, "]", "\0", "\ufeff"]),
)
VALUES: list[Any] = [
    None, True, 0, -1, 1.5, 10**17, "", " ", "x", "a" * 70, [], {}, [None], [[]], {"a": 1}, {"": ""}, "1Gi", "250m",
    "a/b#c", "gateway", "business/*", "no", "x\ny", "\u2028", "fastapi", "eliza", "telegram", 8080, 2, "prod",
    {"text": "x"}, {"min": 0, "max": 3}, {"prod": {}}, {"prod": None}, ["x", "x"], "../x", ".",
]  # fmt: skip


def _mutate_value(rng: random.Random, value: Any) -> Any:
    """The value with one part of it, anywhere, replaced, removed, repeated or given one more key."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        result = dict(value)
        key = rng.choice(list(result))
        what = rng.random()
        if what < 0.15:
            del result[key]
        elif what < 0.35:
            result[rng.choice(KEYS)] = rng.choice(VALUES)
        else:
            result[key] = _mutate_value(rng, result[key])
        return result
    if isinstance(value, list) and value and rng.random() < 0.7:
        index = rng.randrange(len(value))
        return [*value[:index], _mutate_value(rng, value[index]), *value[index:]][: rng.choice((None, len(value)))]
    return rng.choice(VALUES)


def _samples() -> dict[str, bytes]:
    """The repository's own fleet, and the definitions of the golden cases as one more."""
    found = {str(path.relative_to(ROOT)): path.read_bytes() for path in (ROOT / "agents").rglob("*") if path.is_file()}
    found |= {
        str(path.relative_to(ROOT)): path.read_bytes()
        for path in (ROOT / "components/images").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.is_symlink()
    }
    return found


def _golden() -> dict[str, bytes]:
    files: dict[str, bytes] = {f"agents/{name}": text.encode() for name, text in catalog_files().items()}
    for case in sorted((FIXTURES.parent / "cases").glob("*")):
        if any(case.glob("expected*.yaml")) and not (case / "catalog").exists() and (case / "agent.yaml").exists():
            for path in (one for one in case.rglob("*") if one.is_file() and not one.name.startswith("expected")):
                name = str(path.relative_to(case))
                name = name if name.startswith("agents/") else f"agents/business/{name}"
                files[name.replace("/agent.yaml", f"/{case.name}.yaml")] = path.read_bytes()
    files["agents/community/guide.yaml"] = CHARACTER.encode()
    return {**CONTEXTS, **files}


def _sound(found: list[Finding], contents: dict[str, bytes], told: str) -> None:
    """Every finding has a place that exists; nothing but the schema check found an object at fault never happens."""
    for one in found:
        str(one).encode()
        assert one.file in contents or one.file in ("agents", "agents/catalog/pools.yaml"), f"{one}\n{told}"
        lines = contents.get(one.file, b"").decode("utf-8", "replace").count("\n") + 2
        assert 1 <= one.line <= lines, f"{one}\n{told}"
        assert one.column >= 1, f"{one}\n{told}"
    at_fault = [one for one in errors(found) if one.rule != "schema"]
    refused = [one for one in found if one.rule == "schema"]
    assert at_fault or not refused, f"{refused}\n{told}"


@pytest.mark.parametrize("corpus", [_samples, _golden], ids=["samples", "golden cases"])
@pytest.mark.parametrize("level", ["text", "data"])
def test_no_mutation_of_a_definition_gives_a_traceback_or_a_bad_object(
    corpus: Callable[[], dict[str, bytes]], level: str
) -> None:
    state = MemoryTree(corpus())
    inspector = Inspector(Fleet.open(state), TODAY, schemas=True)
    paths = inspector.fleet.definitions
    named = [name for name in state.contents if name.endswith((".character.json", ".md")) and "/catalog/" not in name]
    for number in range(FUZZ // 4):
        rng = random.Random(f"{corpus.__name__} {level} {number}")  # noqa: S311
        path = rng.choice(paths)
        target = rng.choice(named) if named and level == "text" and rng.random() < 0.1 else path
        original = state.contents[target]
        text = original.decode()
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            if level == "text":
                text = rng.choice(TEXT_MUTATIONS)(rng, text) or " "
            else:
                value = _mutate_value(rng, yaml.load(text, yaml.CSafeLoader))
                text = yaml.dump(value, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False)
        state.contents[target] = text.encode("utf-8", "surrogatepass")
        told = f"mutation {number} of {target}:\n{text[:3000]}"
        try:
            for one in paths if target != path else [path]:
                _sound(inspector.see(one).findings, state.contents, told)
        except AssertionError:
            raise
        except Exception as error:
            raise AssertionError(told) from error
        finally:
            state.contents[target] = original


def test_no_mutation_of_the_catalog_gives_a_traceback_or_a_bad_object() -> None:
    files = {f"agents/{name}": text.encode() for name, text in catalog_files().items()}
    names = sorted(files)
    for number in range(FUZZ // 8):
        rng = random.Random(f"catalog {number}")  # noqa: S311
        name = rng.choice(names)
        text = files[name].decode()
        if rng.random() < 0.5:
            text = rng.choice(TEXT_MUTATIONS)(rng, text)
        else:
            value = _mutate_value(rng, yaml.load(text, yaml.CSafeLoader))
            text = yaml.dump(value, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False)
        contents = {**CONTEXTS, **files, name: text.encode("utf-8", "surrogatepass")}
        contents |= {"agents/business/a.yaml": MINIMAL.encode(), "agents/community/b.yaml": CHARACTER.encode()}
        told = f"mutation {number} of {name}:\n{text[:3000]}"
        try:
            opened = Fleet.open(MemoryTree(contents))
            found = Inspector(opened, TODAY, schemas=True).inspect(processes=1).findings
        except InvalidInput as error:
            found = list(error.findings)
            assert errors(found), told
        except Exception as error:
            raise AssertionError(told) from error
        _sound(found, contents, told)


def test_the_samples_are_sound_before_they_are_mutated() -> None:
    assert len(fleet({"business/a.yaml": MINIMAL}).definitions) == 1
    for corpus in (_samples, _golden):
        opened = Fleet.open(MemoryTree(corpus()))
        found = [
            one for path in opened.definitions for one in Inspector(opened, TODAY, schemas=True).see(path).findings
        ]
        assert not errors(found), "\n".join(map(str, found))
        assert len(opened.definitions) >= 5
