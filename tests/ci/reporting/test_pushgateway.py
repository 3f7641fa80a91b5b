"""Where it is told and how, what a scan of the images tells, and what a real Prometheus has of it all."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
import real_prometheus
import yaml
from captures import hold, kept, samples
from command_fleet import roster, write_fleet
from reported import (
    CATALOG,
    COMMIT,
    IN_MEMORY,
    NO_SETTINGS,
    TESTS,
    deploy,
    opened,
    pushed,
)
from running_exporters import metrics, served
from stand_in import World, objects

from ci.images.exceptions import ScannedImage
from ci.images.gate import Excepted, Verdict
from ci.images.reports import Rating, ScanFailure, Vulnerability
from ci.reporting.deployment import figures, run_of
from ci.reporting.gauges import (
    AGENT_APPLIED,
    FINDINGS,
    GAUGES,
    RUN_AGENTS,
    STACK_APPLIED,
    STACK_WANTED,
)
from ci.reporting.images import findings
from ci.reporting.pushgateway import Pushgateway, open_pushgateway
from ci.reporting.telling import Telling
from components.definition.monitoring import MonitoringSettings


def test_a_pushgateway_that_is_away_costs_a_line_and_nothing_else(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    said: list[str] = []
    began = time.monotonic()
    report = deploy(world, opened(f"http://ci:s3cret@127.0.0.1:{port}", said))
    assert time.monotonic() - began < 5
    assert {agent.state for agent in report.of("prod").agents.values()} == {"deployed"}
    [line] = said
    assert f"the Pushgateway http://127.0.0.1:{port}: " in line
    assert line.endswith("The run goes on, and is not reported there")
    assert "s3cret" not in line


def test_one_that_hangs_is_waited_for_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ci.reporting.pushgateway.TIMEOUT_SECONDS", 0.5)
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        deploy(world, opened(f"http://127.0.0.1:{silent.getsockname()[1]}", said))
    assert time.monotonic() - began < 3
    assert len(said) == 1


@pytest.mark.parametrize(
    "text", ["pushgateway:9091", "ftp://ci:s3cret@example.com", "https://ci:s3cret@", "http://[s3cret"]
)
def test_what_is_no_address_is_said_without_its_password(text: str) -> None:
    said: list[str] = []
    assert open_pushgateway({"ROSTER_PUSHGATEWAY": text}, NO_SETTINGS, said.append) is None
    [line] = said
    assert line.startswith("ROSTER_PUSHGATEWAY is no address such as https://")
    assert "s3cret" not in line


def test_the_variable_goes_before_the_catalog_and_with_neither_nothing_is_reported() -> None:
    named = MonitoringSettings.model_validate({"pushgateway": "https://catalog.example.com/"})
    found = open_pushgateway({}, named, pytest.fail)
    assert found
    assert (found.address, found.login) == ("https://catalog.example.com", None)
    found = open_pushgateway({"ROSTER_PUSHGATEWAY": "https://ci:s3cret@other.example.com/push"}, named, pytest.fail)
    assert found
    assert (found.address, found.login) == ("https://other.example.com/push", ("ci", "s3cret"))
    assert open_pushgateway({"ROSTER_PUSHGATEWAY": ""}, NO_SETTINGS, pytest.fail) is None
    Telling(None, CATALOG, run_of([], {}, False, 0)).begin()


# Of the password "pushed".
HASH = "$2b$04$4oGAY8odvf/YDJlAPn3H5ur.34qNIYfiDZlI8ERHHzU2J1hoz0O8y"


def test_a_login_in_the_address_is_used_and_a_wrong_one_is_said(world: World, tmp_path: Path) -> None:
    users = tmp_path / "users.yaml"
    users.write_text(f"basic_auth_users: {{ci: {json.dumps(HASH)}}}\n", "utf-8")
    options = [f"--web.config.file={users}", IN_MEMORY]
    with served(
        "prometheus-pushgateway", lambda at: [f"--web.listen-address={at}", *options], tmp_path, answers=401
    ) as at:
        said: list[str] = []
        deploy(world, opened(at.replace("://", "://ci:pushed@"), said))
        assert said == []
        found = httpx.get(f"{at}/metrics", auth=("ci", "pushed"), trust_env=False).text
        assert 'stack="prod.eu.business.0"' in found
        deploy(world, opened(at.replace("://", "://ci:wrong@"), said))
    assert said == [f"the Pushgateway {at}: answers 401: Unauthorized. The run goes on, and is not reported there"]


def verdict(name: str, counts: dict[str, int], excepted: Sequence[Any] = (), failed: bool = False) -> Verdict:
    image = ScannedImage(f"registry.example.com/roster/{name}", f"sha256:{name[0] * 64}")
    failures = (ScanFailure("registry-away", "nobody answers"),) if failed else ()
    return Verdict(image, failures, excepted=tuple(excepted), counts=tuple(counts.items()))  # type: ignore[arg-type]


def test_findings_of_images_are_told_by_severity_and_those_of_one_that_could_not_be_seen_stay(
    gateway: Pushgateway,
) -> None:
    gateway.put(
        findings([verdict("fastapi", {"critical": 2, "low": 5}), verdict("eliza", {"high": 1})], gateway.known())
    )
    # The next night one of them is gone from the records, and the other cannot be fetched.
    gateway.put(findings([verdict("fastapi", {}, failed=True)], gateway.known()))
    found = {
        (one.label("image").rpartition("/")[2], one.label("severity")): one.value for one in pushed(gateway, FINDINGS)
    }
    nothing = dict.fromkeys(("high", "medium", "negligible", "unknown"), 0)
    assert found == {("fastapi", name): value for name, value in {**nothing, "critical": 2, "low": 5}.items()}
    assert {one.label("digest") for one in pushed(gateway, FINDINGS)} == {f"sha256:{'f' * 64}"}


def test_a_rescan_reports_also_when_nothing_is_recorded(
    gateway: Pushgateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_fleet(tmp_path, {})
    monkeypatch.setenv("ROSTER_PUSHGATEWAY", gateway.address)
    done = roster(tmp_path, "images", "rescan")
    assert done.returncode == 0, done.stderr
    assert [one.label("environment") for one in pushed(gateway, "push_time_seconds", job="roster")] == [""]


@pytest.mark.parametrize(
    ("workflow", "command"),
    [("apply_environment", "ci/apply.sh"), ("switches", "ci/apply.sh"), ("rescan", "ci/rescan.sh scan")],
)
def test_pipelines_hand_the_address_to_what_reports(workflow: str, command: str) -> None:
    file = TESTS.parent / f".github/workflows/{workflow}.yaml"
    jobs = yaml.safe_load(file.read_text("utf-8"))["jobs"].values()
    [step] = [step for job in jobs for step in job["steps"] if command in step.get("run", "")]
    assert step["env"]["ROSTER_PUSHGATEWAY"] == "${{ vars.ROSTER_PUSHGATEWAY }}"


def test_an_exception_takes_its_finding_off_what_is_told() -> None:
    rating = Rating("critical", "nvd", "scored 9.8")
    found = Vulnerability("CVE-2026-1", (), "openssl", "3.0", "deb", rating, (), "fixed", ("3.1",))
    excepted = Excepted(found, "agents/catalog/exceptions/one.yaml", None)  # type: ignore[arg-type]
    told = findings([verdict("fastapi", {"critical": 3}, excepted=[excepted])], []).values
    assert {one.labels[2]: one.value for one in told if one.value} == {"critical": 2}


def test_a_real_prometheus_has_the_labels_that_were_pushed_and_sees_what_is_not_applied(
    world: World, gateway: Pushgateway, tmp_path: Path, update_golden: bool
) -> None:
    if not real_prometheus.program("prometheus"):
        pytest.skip("there is no `prometheus` on PATH, and no apt to get it with")
    deploy(world, gateway)
    world.files["prod", "business", "ada"] = objects("ill")
    world.ill.add("ill")
    report = deploy(world, gateway)
    for number, agent in enumerate(report.of("prod").agents.values(), 1):
        agent.state, agent.seconds = "deployed", 60.0 * number
    for group in figures(report, ["prod"]):
        gateway.add(group)
    gateway.put(findings([verdict("fastapi", {"critical": 2})], []))
    with real_prometheus.scraping(tmp_path, gateway.address.removeprefix("http://"), []) as prometheus:

        def ask(query: str) -> list[dict[str, str]]:
            answer = httpx.get(f"{prometheus}/api/v1/query", params={"query": query}, trust_env=False).json()
            return [one["metric"] for one in answer["data"]["result"]]

        [ada] = ask(f'{AGENT_APPLIED}{{environment="prod",agent_id="ada"}}')
        assert ada == {
            "__name__": AGENT_APPLIED,
            "job": "roster",
            "environment": "prod",
            "stack": ada["stack"],
            "namespace": "business",
            "agent_id": "ada",
            "commit": COMMIT,
        }
        assert ask(f"{STACK_WANTED} > {STACK_APPLIED}") == [
            {"job": "roster", "environment": "prod", "stack": ada["stack"], "__name__": STACK_WANTED}
        ]
        assert [one["environment"] for one in ask(f'{RUN_AGENTS}{{state="deployed"}} > 0')] == ["prod"]
    text = metrics(gateway.address)
    found = [one for one in samples(text) if one.name in GAUGES]
    said = (
        "What `roster up` and `roster images rescan` report, as a Pushgateway exposes it; kept with honorLabels only."
    )
    command = "Made again by: pytest tests/ci/reporting --update-golden"
    hold("roster", kept(found), f"{said}\n{command}", update_golden)
    assert {one.name for one in found} == GAUGES.keys()
