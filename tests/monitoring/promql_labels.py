"""Which labels a PromQL expression's series have, worked out from those of the metrics that it reads.

It says what cannot be: a metric that nobody exposes, a matcher or a `by` over a label that the series has not.
Prometheus itself says nothing of these, and answers with less or nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import promql_parser as promql

Labels = frozenset[str]
# Aggregations that keep the series that they choose.
_CHOOSING = ("topk", "bottomk", "limitk")


class Nonsense(Exception):  # noqa: N818
    """An expression reads what does not exist."""


def labels_of(query: str, metrics: Mapping[str, Labels]) -> Labels:
    """The labels that the result may have. Raises `Nonsense`, and ValueError for what does not parse."""
    return _labels(promql.parse(query), metrics)


def metrics_of(query: str) -> set[str]:
    """Names of the metrics that it reads."""
    return {one.name for one in _selectors(promql.parse(query)) if one.name}


def wanted_values(query: str) -> Iterator[tuple[str, str, str]]:
    """Metric, label and value of all matchers that name values; of `a|b` each by itself."""
    for selector in _selectors(promql.parse(query)):
        for matcher in selector.matchers.matchers:
            if matcher.op in (promql.MatchOp.Equal, promql.MatchOp.Re):
                for value in matcher.value.split("|"):
                    yield selector.name, matcher.name, value


def _labels(found: Any, metrics: Mapping[str, Labels]) -> Labels:
    match found:
        case promql.VectorSelector():
            return _selected(found, metrics)
        case promql.MatrixSelector():
            return _selected(found.vector_selector, metrics)
        case promql.ParenExpr() | promql.SubqueryExpr() | promql.UnaryExpr():
            return _labels(found.expr, metrics)
        case promql.Call():
            return _called(found, metrics)
        case promql.AggregateExpr():
            return _aggregated(found, metrics)
        case promql.BinaryExpr():
            return _combined(found, metrics)
    return frozenset()


def _selected(selector: Any, metrics: Mapping[str, Labels]) -> Labels:
    if selector.name not in metrics:
        raise Nonsense(f"nobody exposes {selector.name}")
    known = metrics[selector.name]
    _have(known, (one.name for one in selector.matchers.matchers), selector.name)
    return known


def _called(call: Any, metrics: Mapping[str, Labels]) -> Labels:
    inner: Labels = frozenset().union(*(_labels(one, metrics) for one in call.args))
    if call.func.name == "label_replace":
        _have(inner, [call.args[3].val] if call.args[3].val else [], "label_replace")
        return inner | {call.args[1].val}
    return inner - {"le"} if call.func.name == "histogram_quantile" else inner


def _aggregated(found: Any, metrics: Mapping[str, Labels]) -> Labels:
    inner = _labels(found.expr, metrics)
    named = _names(found.modifier)
    if found.modifier is not None and found.modifier.type == promql.AggModifierType.Without:
        return inner - named
    _have(inner, named, str(found.op))
    return inner if str(found.op) in _CHOOSING else named


def _combined(found: Any, metrics: Mapping[str, Labels]) -> Labels:
    left, right = (_labels(side, metrics) for side in (found.lhs, found.rhs))
    matching = found.modifier.matching if found.modifier else None
    named = _names(matching)
    if matching is not None and matching.type == promql.LabelModifierType.Include:
        _have(left, named, "on, to the left")
        _have(right, named, "on, to the right")
    elif matching is None and str(found.op) != "or" and left and right and left != right:
        # Both sides must have the same labels, or no two series ever meet.
        raise Nonsense(f"{found.op}: {', '.join(sorted(left))} against {', '.join(sorted(right))}")
    if str(found.op) == "or":
        return left | right
    brought = frozenset(found.modifier.group_labels or ()) if found.modifier else frozenset()
    _have(right, brought, "group_left")
    return (left or right) | brought


def _names(modifier: Any) -> Labels:
    return frozenset(modifier.labels) if modifier is not None else frozenset()


def _have(known: Labels, wanted: Any, what: str) -> None:
    missing = sorted(set(wanted) - known)
    if missing:
        raise Nonsense(f"{what}: no label {', '.join(missing)} among {', '.join(sorted(known)) or 'none'}")


def _selectors(found: Any) -> Iterator[Any]:
    match found:
        case promql.VectorSelector():
            yield found
        case promql.MatrixSelector():
            yield found.vector_selector
        case promql.ParenExpr() | promql.SubqueryExpr() | promql.UnaryExpr() | promql.AggregateExpr():
            yield from _selectors(found.expr)
        case promql.Call():
            for one in found.args:
                yield from _selectors(one)
        case promql.BinaryExpr():
            yield from _selectors(found.lhs)
            yield from _selectors(found.rhs)
