"""Which kind of failure a run ended with, and the one message about it."""

from __future__ import annotations

from ci.engine.failure import Failure
from ci.engine.outcome import FailedResource, Tally
from ci.engine.said import cluster_failure, engine_failure, last_words, refusal, state_failure
from ci.engine.urns import name_of

# Of each agent the first reasons, and of many agents the first ones: all of it is in the log and in the result.
_AGENTS = 5
_REASON = 300


def verdict(stack: str, code: int, text: str, tally: Tally, interrupted: bool) -> Failure | None:
    """Why the run failed; None when it did not. `text` is all that the CLI said."""
    if code == 0:
        return None
    for error in tally.general:
        if refused := refusal(error):
            return Failure("refused", refused)
    said = tally.errors
    whole = f"{said}\n{text}"
    known = engine_failure(whole) or state_failure(stack, whole)
    if known is not None and known.kind == "no-disk":
        return known
    if interrupted:
        message = f"{stack}: interrupted; what was done until then is recorded, and the next run does the rest"
        return Failure("interrupted", message)
    if found := cluster_failure(said):
        return Failure(found.kind, f"{stack}: {found.message}")
    failed = tally.failed()
    # What resources say may hold the same words; and a backend that fails does so before there are any.
    if failed:
        return Failure("failed", f"{stack}: {_failed(failed)}")
    if known is not None:
        return known
    return Failure("crash", f"{stack}: Pulumi ended with an error that Roster does not know: {_last(tally, text)}")


def _failed(failed: dict[str, tuple[FailedResource, ...]]) -> str:
    lines = [f"{len(failed)} {'part' if len(failed) == 1 else 'parts'} could not be applied:"]
    for name, resources in list(failed.items())[:_AGENTS]:
        lines += [f"  {name or 'stack'}: {_reason(one)}" for one in resources if one.messages][:2]
    if len(failed) > _AGENTS:
        lines.append(f"  and {len(failed) - _AGENTS} more, in the log")
    return "\n".join(lines)


def _reason(one: FailedResource) -> str:
    said = " ".join(one.messages[0].split())
    return f"{name_of(one.urn)}: {said if len(said) <= _REASON else said[:_REASON] + '…'}"


def _last(tally: Tally, text: str) -> str:
    return tally.general[-1] if tally.general else last_words(text)
