"""The plan as a comment on a pull request: what matters first, the rest folded, never longer than allowed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ci.plan.compare import ADDED, REMOVED, Change
from ci.plan.differences import shown
from ci.plan.groups import Group, by_key, grouped, merged_words
from ci.plan.make import Plan, broken, new_images
from ci.plan.security import besides, what_agents_can_do
from ci.plan.waivers import waiver_section
from components.facts import Facts
from components.resolve.quantities import GIB

# GitHub cuts a comment off at 65,536 characters.
MOST_CHARACTERS = 60_000
_NAMES_SHOWN = 5
_ITEMS_SHOWN = 40
_POOL = " (the pool itself)"
_TEXT_LINES = 60


def as_markdown(plan: Plan, diff_name: str = "plan.diff", most: int = MOST_CHARACTERS) -> str:
    """The report. Sections that do not fit are left out with a line that says so and points to the full diff."""
    sections = [section for make in _SECTIONS for section in make(plan)]
    text = _title(plan)
    room = most - len(text) - 300
    left_out: list[str] = []
    for section in sections:
        if len(section) <= room:
            text += "\n" + section
            room -= len(section) + 1
        else:
            left_out.append(section.strip().splitlines()[0].strip("#* ").replace("<details><summary>", "")[:60])
    if left_out:
        names = "; ".join(left_out[:3]) + ("; …" if len(left_out) > 3 else "")
        text += f"\n**{len(left_out)} parts do not fit here** ({names}).\n"
    if plan.changes:
        text += f"\nEvery changed line: `{diff_name}`, beside this report.\n"
    return text


def headline(plan: Plan) -> str:
    """The plan in one sentence."""
    added, removed = by_key(plan.changes, ADDED), by_key(plan.changes, REMOVED)
    groups = grouped(plan.changes)
    changed = {name for group in groups for name in group.members if group.example.after}
    restarting = {name for group in groups if group.restarts for name in group.members}
    if not plan.changes and broken(plan):
        return "What changes cannot be said before the errors are mended."
    if not plan.changes and plan.catalog:
        return "No agent changes: both states render the same objects, in the same places."
    if not plan.changes:
        return "Nothing changes: both states render the same objects, in the same places."
    parts = [
        f"{_count(len(names), 'agent')} {word}"
        for names, word in ((added, "added"), (changed, "changed"), (removed, "removed"))
        if names
    ]
    parts = parts or ["objects of pools change, no agent does"]
    tail = (
        f"; {_count(len(restarting), 'agent')} restart{'s' * (len(restarting) == 1)}"
        if restarting
        else "; no pod restarts"
    )
    return ", ".join(parts) + tail + "."


def _title(plan: Plan) -> str:
    lines = ["# Roster plan", "", f"**{headline(plan)}**", ""]
    lines.append(f"Compared with `{plan.base[:10]}` in {', '.join(plan.environments)}.")
    lines += [f"Note: {note}." for note in plan.notes]
    return "\n".join(lines) + "\n"


def _alarm(plan: Plan) -> Iterator[str]:
    if not plan.alarming:
        return
    lines = ["> [!CAUTION]", "> **Many agents would be removed, with their pods:**"]
    lines += [f"> - {plan.removed[name]} of {plan.of[name]} in {name}" for name in plan.removed]
    lines += [f"> - all {count} of the pool {pool}" for pool, count in plan.emptied.items()]
    lines.append(
        "> An empty folder, a bad checkout or a renamed pool looks like this. If it is meant: `--allow-removals`."
    )
    yield "\n".join(lines) + "\n"


def _errors(plan: Plan) -> Iterator[str]:
    found = broken(plan)
    if found:
        lines = [f"## {_count(len(found), 'error')} to mend first", ""]
        lines += [f"- `{one.file}:{one.line}:{one.column}` {one.message}" for one in found[:_ITEMS_SHOWN]]
        yield "\n".join([*lines, *_more(len(found))]) + "\n"


def _policies(plan: Plan) -> Iterator[str]:
    for field, title in (("new_findings", "New policy findings"), ("fixed_findings", "Policy findings fixed")):
        by_text: dict[str, list[str]] = {}
        for change in plan.changes:
            for text in getattr(change, field):
                by_text.setdefault(text, []).append(f"{change.key} in {change.environment}")
        if by_text:
            lines = [f"## {title}", ""]
            lines += [f"- {text} ({_names(who)})" for text, who in sorted(by_text.items())[:_ITEMS_SHOWN]]
            yield "\n".join([*lines, *_more(len(by_text))]) + "\n"


def _security(plan: Plan) -> Iterator[str]:
    found = what_agents_can_do(plan.changes)
    if found:
        lines = ["## What agents can reach, hold and spend", ""]
        lines += [f"- {word}: {_names(who)}" for word, who in found[:_ITEMS_SHOWN]]
        yield "\n".join([*lines, *_more(len(found))]) + "\n"


def _amounts(plan: Plan) -> Iterator[str]:
    rows = []
    for environment in plan.environments:
        befores = [one.before for one in plan.changes if one.environment == environment and one.before]
        afters = [one.after for one in plan.changes if one.environment == environment and one.after]
        first, second = _sums(befores), _sums(afters)
        if first != second:
            cells = [_arrow(a, b) for a, b in zip(_cells(first), _cells(second), strict=True)]
            rows.append(f"| {environment} | " + " | ".join(cells) + " |")
    if rows:
        head = f"| | agents | pods, least–most | CPU requested | memory requested | cost a month, {plan.currency} |"
        lines = ["## Amounts, of the agents that change", "", head, "| --- " * 6 + "|", *rows]
        yield "\n".join(lines) + "\n"


Sums = tuple[int, int, int, float, float, float, float]


def _sums(known: list[Facts]) -> Sums:
    return (
        len(known),
        sum(one.pods_min for one in known),
        sum(one.pods_max for one in known),
        sum(one.pods_min * one.cpu_request for one in known),
        sum(one.pods_min * one.memory_request for one in known) / GIB,
        sum(one.cost_min for one in known),
        sum(one.cost_max for one in known),
    )


def _cells(sums: Sums) -> list[str]:
    agents, low, high, cpu, memory, cheap, dear = sums
    return [str(agents), _span(low, high), f"{cpu:,.2f}", f"{memory:,.2f} GiB", _money(cheap, dear)]


def _added(plan: Plan) -> Iterator[str]:
    added = by_key(plan.changes, ADDED)
    if not added:
        return
    lines = ["## Added", "", "| agent | owner | runs | model | in | pods | cost a month |", "| --- " * 7 + "|"]
    for key, changes in list(added.items())[:_ITEMS_SHOWN]:
        one = changes[-1].after
        if one is None:
            continue
        what = one.runtime + (f" on {', '.join(one.channels)}" if one.channels else "")
        known = [change.after for change in changes if change.after]
        cost = _money(sum(of.cost_min for of in known), sum(of.cost_max for of in known))
        where = ", ".join(change.environment for change in changes)
        pods = "suspended" if one.suspended else _span(one.pods_min, one.pods_max)
        lines.append(f"| {key} | {one.owner} | {what} | {one.model or '–'} | {where} | {pods} | {cost} |")
    yield "\n".join([*lines, *_more(len(added))]) + "\n"
    lines = [
        f"- {key} reaches {', '.join(one.hosts) or 'no host'}; holds {_secret_names(one)}{besides(changes[-1])}"
        for key, changes in added.items()
        if (one := changes[-1].after)
    ]
    yield "\n".join([*lines[:_ITEMS_SHOWN], *_more(len(lines))]) + "\n"


def _removed(plan: Plan) -> Iterator[str]:
    removed = by_key(plan.changes, REMOVED)
    if removed:
        lines = ["## Removed", ""]
        for key, changes in list(removed.items())[:_ITEMS_SHOWN]:
            disk = any(change.before and change.before.storage for change in changes)
            stays = "; its disk stays in the cluster until somebody deletes it" if disk else ""
            lines.append(f"- {key} in {', '.join(one.environment for one in changes)}{stays}")
        yield "\n".join([*lines, *_more(len(removed))]) + "\n"


def _catalog(plan: Plan) -> Iterator[str]:
    if plan.catalog:
        lines = ["## The catalog", ""]
        for file, one in plan.catalog[:_ITEMS_SHOWN]:
            lines.append(f"- `{file}` {'.'.join(one.steps)}: {shown(_short(one.before))} → {shown(_short(one.after))}")
        yield "\n".join([*lines, *_more(len(plan.catalog))]) + "\n"


def _changed(plan: Plan) -> Iterator[str]:
    groups = grouped(plan.changes)
    if not groups:
        return
    alone: dict[str, list[Change]] = {}
    for group in groups:
        if len(group.members) == 1:
            alone.setdefault(group.members[0], []).extend(group.changes)
    sections = [_group_section(group) for group in groups if len(group.members) > 1]
    sections += [_agent_section(key, changes, plan.environments) for key, changes in alone.items()]
    yield "## Changed\n"
    yield from sections[:_ITEMS_SHOWN]
    if len(sections) > _ITEMS_SHOWN:
        yield "\n".join(_more(len(sections))) + "\n"


def _group_section(group: Group) -> str:
    where = ", ".join(group.environments)
    what = "agents" if any(not name.endswith(_POOL) for name in group.members) else "pools"
    names = _names([name.removesuffix(_POOL) for name in group.members])
    lines = [f"**{len(group.members):,} {what}** in {where}: {names}"]
    lines.append(f"- the same for all; values are those of {group.example.key}")
    lines += [f"- {word}" for word, _ in merged_words([group.example])[:_ITEMS_SHOWN]]
    return "\n".join(lines) + "\n"


def _agent_section(key: str, changes: list[Change], order: list[str]) -> str:
    changes.sort(key=lambda one: order.index(one.environment))
    everywhere = [one.environment for one in changes]
    file = changes[-1].file
    lines = [f"**{key}** in {', '.join(everywhere)}" + (f" · `{file}`" if file else "")]
    for word, where in merged_words(changes)[:_ITEMS_SHOWN]:
        lines.append(f"- {word}" + (f" (only {', '.join(where)})" if where != everywhere else ""))
    return "\n".join(lines) + "\n"


def _texts(plan: Plan) -> Iterator[str]:
    told: set[str] = set()
    for group in grouped(plan.changes):
        for name, text in group.example.texts.items():
            if text in told:
                continue
            told.add(text)
            rows = text.splitlines()
            shown = "\n".join(rows[:_TEXT_LINES])
            more = f"\n… {len(rows) - _TEXT_LINES} more lines" if len(rows) > _TEXT_LINES else ""
            fence = "`" * (max((len(run) for run in _fences(shown)), default=2) + 1)
            who = group.members[0] if len(group.members) == 1 else f"{len(group.members)} agents"
            summary = f"<details><summary>{name} of {who}</summary>"
            yield f"{summary}\n\n{fence}diff\n{shown}{more}\n{fence}\n\n</details>\n"


def _images(plan: Plan) -> Iterator[str]:
    images = new_images(plan)
    if images:
        lines = ["## Agents that wait for their image", ""]
        lines += [f"- {_names(who)}: {why}" for why, who in sorted(images.items())]
        lines += ["", "After the merge the job `images` builds, scans, signs and records what has no record."]
        lines += ["Until the records are merged these agents stay as they are; everyone else's change goes on."]
        yield "\n".join(lines) + "\n"


def _stacks(plan: Plan) -> Iterator[str]:
    if plan.stacks:
        shown = ", ".join(f"`{name}`" for name in plan.stacks[:_ITEMS_SHOWN])
        yield "\n".join([f"**{_count(len(plan.stacks), 'stack')} touched:** {shown}", *_more(len(plan.stacks))]) + "\n"


def _old_stacks(plan: Plan) -> Iterator[str]:
    if plan.old_stacks:
        shown = ", ".join(f"`{name}`" for name in plan.old_stacks[:_ITEMS_SHOWN])
        what = f"**{_count(len(plan.old_stacks), 'stack')} no longer in the catalog:** {shown}"
        yield f"{what}. What they hold stays in the cluster until `pulumi destroy`.\n"


_SECTIONS = (
    _alarm,
    _errors,
    _policies,
    lambda plan: waiver_section(plan.findings),
    _security,
    _amounts,
    _added,
    _removed,
    _catalog,
    _changed,
    _images,
    _stacks,
    _old_stacks,
    _texts,
)


def _fences(text: str) -> Iterable[str]:
    run = ""
    for character in text:
        if character == "`":
            run += character
        elif run:
            yield run
            run = ""
    if run:
        yield run


def _secret_names(known: Facts) -> str:
    return ", ".join(secret.split("=", 1)[0] for secret in known.secrets) or "no secret"


def _span(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}–{high}"


def _money(least: float, most: float) -> str:
    return f"{least:,.0f}" if round(least) == round(most) else f"{least:,.0f}–{most:,.0f}"


def _arrow(before: str, after: str) -> str:
    return before if before == after else f"{before} → {after}"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'s' * (number != 1)}"


def _names(names: list[str]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN:,} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more


def _more(number: int) -> list[str]:
    return [f"- … and {number - _ITEMS_SHOWN:,} more"] if number > _ITEMS_SHOWN else []


def _short(text: str) -> str:
    return text if len(text) <= 120 else text[:119] + "…"


def change_as_json(change: Change) -> dict[str, object]:
    """One change for machines."""
    return {
        "agent": change.key,
        "environment": change.environment,
        "change": change.kind,
        "restarts": change.restarts,
        "other": change.other,
        "objects": [{"change": op, "kind": kind, "name": name} for op, kind, name in change.objects],
        "before": change.before.as_json() if change.before else None,
        "after": change.after.as_json() if change.after else None,
        "new_findings": change.new_findings,
        "fixed_findings": change.fixed_findings,
        "security": change.security,
    }
