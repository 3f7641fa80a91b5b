"""How far a bad change comes on a real API server: the real program, order, gate and diagnosis, only no engine.

Of 1,500 agents it is shown in tests/ci/deploy/test_flow.py, without a cluster: a mock that keeps no state applies each
object of each stack in each run, which with so many takes minutes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from api import wait_until
from applying_hands import sizes
from control_plane import ControlPlane
from waves_trial import WavesTrial, Went, deployed

FEW = 24
HUNDREDS = 100
# A line of the catalog that all agents share: their images are pulled from there.
SETTINGS = "catalog/settings.yaml"
pytestmark = pytest.mark.xdist_group("cluster")


@pytest.fixture(autouse=True, scope="module")
def kubeconfig(cluster: ControlPlane) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(cluster.kubeconfig))
        yield


@pytest.fixture(scope="module")
def trial(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WavesTrial]:
    """A few agents that all run; whatever a test merged and deployed, all of them run after it."""
    top = tmp_path_factory.mktemp("few") / "project"
    yield from removed_afterwards(deployed(top, cluster.kubeconfig, cluster.api, "few", FEW))


@pytest.fixture
def large_trial(cluster: ControlPlane, tmp_path: Path) -> Iterator[WavesTrial]:
    top = tmp_path / "project"
    yield from removed_afterwards(deployed(top, cluster.kubeconfig, cluster.api, "hundreds", HUNDREDS))


def removed_afterwards(trial: WavesTrial) -> Iterator[WavesTrial]:
    yield trial
    for namespace in trial.namespaces:
        trial.api.delete(f"/api/v1/namespaces/{namespace}")


def registry(trial: WavesTrial, address: str) -> dict[str, str]:
    """The catalog's settings, with all images at that address."""
    text = (trial.top / "agents" / SETTINGS).read_text("utf-8")
    line = next(one for one in text.splitlines() if one.startswith("registry: "))
    return {SETTINGS: text.replace(line, f"registry: {address}")}


def stopped_by(trial: WavesTrial, fault: str, wait_seconds: float = 90) -> tuple[Went, set[str]]:
    """Deploys a change of all agents that none of them bears; gives who was harmed.

    Proves that it went no further than the first wave, that no object of any other agent was written, and that the
    harmed ones are back at their earlier ReplicaSets.
    """
    before, sets, images = trial.versions(), trial.current_sets(), trial.images()
    trial.merge(registry(trial, f"registry.example.com/{fault}"))
    went = trial.up(wait_seconds)
    assert went.outcome == "stopped", went.said
    (wave,) = went.hands.waves
    harmed = trial.harmed(fault)
    assert 0 < len(harmed) <= len(wave) <= math.ceil(0.05 * len(images))
    after = trial.versions()
    # A pod or a ReplicaSet made anew would be here too.
    assert {agent for (agent, _), _ in before.items() ^ after.items()} <= harmed <= wave
    assert (trial.images(), trial.current_sets()) == (images, sets)
    return went, harmed


def reasons(went: Went) -> set[str]:
    return {one.reason for one in went.report.agents.values() if one.state == "failed"}


@pytest.mark.parametrize(
    ("fault", "wait_seconds", "reason"),
    [
        ("image-cannot-be-pulled", 90, "The image cannot be pulled."),
        ("probe-fails", 5, "The health probe fails."),
        ("crash-loops", 90, "The container keeps crashing."),
    ],
)
def test_a_bad_change_of_all_ends_in_the_first_wave_which_keeps_its_earlier_pods(
    trial: WavesTrial, fault: str, wait_seconds: float, reason: str
) -> None:
    pods = trial.ready_pods()
    went, harmed = stopped_by(trial, fault, wait_seconds)
    assert trial.ready_pods() == pods
    states = went.states()
    assert states["failed"] <= harmed
    assert states == {"failed": states["failed"], "held": set(trial.images()) - states["failed"]}
    assert reasons(went) == {reason}


def test_a_change_that_crashes_only_after_its_pods_were_ready_is_found_by_the_gate_and_returned(
    trial: WavesTrial,
) -> None:
    went, _ = stopped_by(trial, "crashes-later")
    assert reasons(went) <= {"The container keeps crashing.", "It was ready and did not stay so."}
    wait_until("all run again", lambda: trial.ready_pods().keys() == trial.images().keys())


def test_a_good_change_of_all_goes_wave_by_wave_each_when_the_one_before_is_ready(trial: WavesTrial) -> None:
    address = "registry.example.com/newer"
    trial.merge(registry(trial, address))
    went = trial.up()
    assert went.outcome == "well", went.said
    assert sizes(went.hands.waves) == [2, 4, 18]
    assert all(image.startswith(address) for image in trial.images().values())
    moments = trial.made(address)
    first, second, third = ([moments[agent] for agent in wave] for wave in went.hands.waves)
    assert max(first) <= min(second)
    assert max(second) <= min(third)
    assert went.states() == {"deployed": set(trial.images())}


def test_of_hundreds_of_agents_a_bad_change_harms_a_twentieth_and_does_not_come_back_with_another_merge(
    large_trial: WavesTrial,
) -> None:
    went, harmed = stopped_by(large_trial, "crash-loops")
    assert len(harmed) <= HUNDREDS // 20
    # Another registry is another rule of the platform's, which comes first.
    assert went.hands.ran[:2] == [{"dev.platform"}, {"dev.business.0", "dev.business.1", "dev.community.0"}]
    large_trial.merge()
    before = large_trial.versions()
    again = large_trial.up()
    # No agent's stack: the platform's of the environments behind had waited for the gate of dev.
    assert {name.rpartition(".")[2] for ran in again.hands.ran for name in ran} <= {"platform"}
    assert again.states() == {"held": set(large_trial.images())}
    assert large_trial.versions() == before
