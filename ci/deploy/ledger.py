"""Keeps the report while a deployment runs: one entry an agent, found by its change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from ci.cluster.evidence import shown
from ci.deploy.changes import Change
from ci.deploy.report import AgentReport, EnvironmentState, Report, StackReport, State
from ci.engine.runs import StackResult

RETRY = "Change it, or have it tried again: `roster up --release {key}`."


@dataclass(slots=True)
class Ledger:
    """Writes into `report`. `now` gives the seconds since the merge; `save` is called after each step."""

    report: Report
    now: Callable[[], float]
    save: Callable[[], None]
    _agents: dict[Change, AgentReport] = field(default_factory=dict)

    def open(self, change: Change, released: bool) -> None:
        """Writes an agent down before anything is run."""
        environment = self.report.of(change.stack.environment)
        known = AgentReport("pending", change.stack.name, self.report.commit, change.digest)
        name = change.key
        if name in environment.agents:
            name = f"{change.key} ({change.stack.cluster}, {change.stack.name})"
        environment.agents[name] = self._agents[change] = known
        if change.held and not released:
            self.blame(change, "held", change.held.reason)

    def replace(self, old: Change, new: Change) -> None:
        """The agent's change is another one now."""
        self._agents[new] = self._agents[old]
        if new.held:
            self.blame(new, "held", new.held.reason)

    def state(self, changes: Iterable[Change], state: State) -> None:
        """What is being done to the agents."""
        for change in changes:
            self._agents[change].state = state
        self.save()

    def because(self, changes: Iterable[Change], reason: str) -> None:
        """Why the agents wait."""
        for change in changes:
            if self._agents[change].state == "pending" and not self._agents[change].reason:
                self._agents[change].reason = sentence(reason)

    def settle(self, changes: Iterable[Change]) -> None:
        """The agents are as they ought to be."""
        for change in changes:
            known = self._agents[change]
            known.state = "removed" if change.offer is None else "stopped" if change.offer.suspended else "deployed"
            known.seconds = round(self.now(), 1)
            known.url = address(change)
            known.reason = sentence(change.first)
        self.save()

    def blame(self, change: Change, state: State, reason: str, advice: str = "", detail: str = "") -> None:
        """The agent is not as the files have it."""
        known = self._agents[change]
        known.state, known.reason, known.detail = state, sentence(reason), detail
        known.advice = " ".join(filter(None, [sentence(advice), RETRY.format(key=change.key)]))

    def bar(self, change: Change) -> None:
        """The agent waits for an image that may be run: one that is still to be built, or a blocked one's successor."""
        known = self._agents[change]
        known.state = "held" if change.offer and change.offer.recorded else "building"
        known.reason = sentence(change.barred)
        if change.offer and change.barred == change.offer.lapsed:
            # The reason says the way out; no image has a part in it.
            known.state, known.advice = "held", ""
            return
        known.advice = "`roster images` says what is missing; the images job builds, scans and records it."

    def broken_off(self, changes: Iterable[Change], reason: str) -> None:
        """Agents that were being applied or watched when the run ended."""
        for change in changes:
            if self._agents[change].state in ("deploying", "monitoring"):
                self.blame(change, "failed", reason)

    def moved(self, change: Change) -> None:
        """The agent lies in another stack now; nothing happened to it."""
        self._agents[change].state = "deployed"
        self._agents[change].reason = f"Moved from {change.stack.name} to {change.target}."

    def wait(self, change: Change, reason: str) -> None:
        """The agent is back at what ran before, for no fault of its own."""
        known = self._agents[change]
        known.state, known.reason = "pending", sentence(reason)

    def environment(self, name: str, state: EnvironmentState, reason: str = "") -> None:
        """How an environment fares."""
        report = self.report.of(name)
        report.state, report.reason = state, sentence(reason)
        self.save()

    def fault(self, environment: str, stack: str, why: str) -> None:
        """A stack cannot be applied."""
        self.report.of(environment).stacks[stack] = StackReport("failed", message=why)

    def ran(self, environment: str, results: Mapping[str, StackResult]) -> None:
        """What the engine did."""
        for name, result in results.items():
            known = self.report.of(environment).stacks.setdefault(name, StackReport())
            known.state = "failed" if result.failure else "applied"
            known.seconds = round(known.seconds + result.seconds, 1)
            known.log = str(result.log or "")
            known.message = shown(result.failure.message) if result.failure else ""


def address(change: Change) -> str:
    """Where the agent is reached: its public address, or its Service; empty when it serves nobody."""
    offer = change.offer
    if offer is None or not offer.serves or offer.suspended:
        return ""
    return f"https://{offer.route}" if offer.route else f"http://{offer.name}.{offer.namespace}.svc"


def sentence(text: str) -> str:
    """With a capital at its beginning, unless that is a name, and a full stop at its end."""
    text = text.strip()
    if not text:
        return ""
    start = text[0].upper() if text.split()[0].isalpha() else text[0]
    return start + text[1:] + ("" if text[-1] in ".!?`" else ".")
