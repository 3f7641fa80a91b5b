"""`roster explain` has a place for everything that a definition may say."""

from __future__ import annotations

from ci.explain import _DERIVED, TOPICS
from components.definition.agent import Settings


def test_every_setting_belongs_to_one_topic_or_is_told_by_what_is_derived_of_it() -> None:
    listed = [name for names in TOPICS.values() for name in names]
    assert len(listed) == len(set(listed))
    assert {*listed, *_DERIVED} == set(Settings.model_fields)
