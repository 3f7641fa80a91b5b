"""What is made of the engine's events: counts, losses and failures by agent."""

from __future__ import annotations

from typing import Any

from pulumi.automation.events import EngineEvent

from ci.engine.outcome import Counts, Tally
from ci.engine.urns import component_of
from ci.engine.verdict import verdict

STACK = "urn:pulumi:dev.a.0::roster::pulumi:pulumi:Stack::roster-dev.a.0"
AGENT = "urn:pulumi:dev.a.0::roster::roster:index:Agent"


def _urn(agent: str, kind: str = "", api: str = "apps/v1") -> str:
    return f"{AGENT}$kubernetes:{api}:{kind}::{agent}/{kind.lower()}" if kind else f"{AGENT}::{agent}"


def _tally(*events: dict[str, Any]) -> Tally:
    tally = Tally()
    for event in events:
        tally.add(EngineEvent.from_json({"sequence": 0, "timestamp": 0, **event}))
    return tally


def _step(name: str, op: str, urn: str) -> dict[str, Any]:
    return {name: {"metadata": {"op": op, "urn": urn, "type": "t", "provider": "", "new": None, "old": None}}}


def _both(op: str, urn: str) -> list[dict[str, Any]]:
    return [_step("resourcePreEvent", op, urn), _step("resOutputsEvent", op, urn)]


def _error(message: str, urn: str = "") -> dict[str, Any]:
    return {"diagnosticEvent": {"urn": urn, "message": message, "severity": "error", "color": "never"}}


def test_objects_are_counted_by_agent_and_components_are_not_objects() -> None:
    tally = _tally(
        *_both("create", _urn("a")),
        *_both("create", _urn("a", "Deployment")),
        *_both("update", _urn("b", "ConfigMap", "core/v1")),
        *_both("same", _urn("b", "Deployment")),
    )
    assert tally.components() == {"a": Counts(create=1), "b": Counts(update=1, same=1)}


def test_the_steps_of_a_replacement_are_one_replaced_object() -> None:
    ops = ("create-replacement", "replace", "delete-replaced")
    tally = _tally(*[event for op in ops for event in _both(op, _urn("a", "Deployment"))])
    assert tally.components() == {"a": Counts(replace=1)}
    assert tally.lost("replace") == ("a",)
    assert tally.lost("delete") == ()


def test_an_agent_is_lost_with_its_component_its_pods_or_its_disk_and_not_with_an_alert() -> None:
    tally = _tally(
        _step("resourcePreEvent", "delete", _urn("gone")),
        _step("resourcePreEvent", "delete", _urn("disk", "PersistentVolumeClaim", "core/v1")),
        _step("resourcePreEvent", "delete", _urn("alert", "PrometheusRule", "monitoring.coreos.com/v1")),
    )
    assert tally.lost("delete") == ("disk", "gone")


def test_an_agent_is_done_when_its_component_has_said_its_outputs() -> None:
    outputs = _step("resOutputsEvent", "create", _urn("a"))
    assert _tally(outputs).components_done == 0
    assert _tally(outputs, outputs).components_done == 1


def test_a_failed_object_is_not_counted_as_done_and_its_reason_is_told() -> None:
    urn = _urn("a", "Deployment")
    tally = _tally(
        *_both("create", urn), _step("resOpFailedEvent", "create", urn), _error("quota exceeded\n", urn),
        _error("update failed", STACK),
    )  # fmt: skip
    assert tally.components() == {}
    failure = verdict("dev.a.0", 1, "error: update failed", tally, interrupted=False)
    assert failure is not None
    assert failure.kind == "failed"
    assert "a: a/deployment: quota exceeded" in failure.message
    assert "update failed" not in failure.message


def test_a_refusal_is_the_programs_words_and_beats_an_interruption() -> None:
    said = "agents/a/b.yaml:1:1: error: x\nnothing was registered; everything stays as it is"
    failure = verdict("dev.a.0", 1, "", _tally(_error(said, STACK)), interrupted=True)
    assert failure is not None
    assert (failure.kind, failure.message) == ("refused", "agents/a/b.yaml:1:1: error: x")


def test_a_resource_that_is_denied_is_no_failure_of_backend_or_credentials() -> None:
    said = "admission webhook: Forbidden: AccessDenied, permission denied: Unauthorized image"
    failure = verdict("dev.a.0", 1, said, _tally(_error(said, _urn("a", "Deployment"))), interrupted=False)
    assert failure is not None
    assert failure.kind == "failed"


def test_a_full_disk_is_told_even_when_the_run_was_given_up() -> None:
    tally = _tally(
        _error("failed to save snapshot: write x.json.tmp: no space left on device", _urn("a", "Deployment"))
    )
    failure = verdict("dev.a.0", 1, "", tally, interrupted=True)
    assert failure is not None
    assert failure.kind == "no-disk"


def test_what_nobody_foresaw_is_a_crash_with_its_last_words() -> None:
    failure = verdict("dev.a.0", 2, "panic: runtime error: index out of range", _tally(), interrupted=False)
    assert failure is not None
    assert failure.kind == "crash"
    assert "index out of range" in failure.message


def test_an_unknown_step_of_a_later_engine_is_no_error() -> None:
    assert _tally().components() == {}
    tally = Tally()
    tally._note(tally._done, _urn("a", "Deployment"), "teleport")
    assert tally.components() == {}


def test_names_of_objects_lead_to_their_agent() -> None:
    assert component_of(_urn("a", "Deployment")) == "a"
    assert component_of(f"{AGENT}$kubernetes:core/v1:ConfigMap::a/configmap/other::name") == "a"
    assert component_of(STACK) == ""
    assert component_of("urn:pulumi:dev.a.0::roster::pulumi:providers:kubernetes::cluster") == ""


def test_what_was_begun_and_not_ended_is_in_flight_and_what_had_nothing_to_do_is_not() -> None:
    tally = _tally(
        _step("resourcePreEvent", "update", _urn("a")),
        _step("resourcePreEvent", "update", _urn("a", "Deployment")),
        _step("resourcePreEvent", "same", _urn("b", "Deployment")),
        *_both("update", _urn("c", "Deployment")),
    )
    assert tally.in_flight() == (_urn("a", "Deployment"),)


def _policy(name: str, level: str, problem: str) -> dict[str, Any]:
    return {
        "policyEvent": {
            "resourceUrn": _urn("one", "Deployment"),
            "message": f"Why the rule is there. What to do.\n{problem}\n",
            "color": "never",
            "policyName": name,
            "policyPackName": "roster",
            "policyPackVersion": "0.0.1",
            "policyPackVersionTag": "0.0.1",
            "enforcementLevel": level,
        }
    }


def test_a_policys_refusal_is_told_by_agent_rule_and_problem_and_its_advice_is_no_failure() -> None:
    problem = "Deployment one: the container agent is privileged"
    tally = _tally(_policy("container-privileged", "mandatory", problem), _policy("image-pinned", "advisory", "x"))
    failure = verdict("dev.a.0", 255, "", tally, interrupted=False)
    assert failure is not None
    assert failure.kind == "failed"
    assert f"refused by the policy container-privileged: {problem}" in failure.message
    assert "image-pinned" not in failure.message
    assert tally.advice() == ["the policy image-pinned warns of 1 object; the log says which"]
