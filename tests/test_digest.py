"""The digest of a set of manifests says whether the objects are the same, and nothing else."""

from __future__ import annotations

from components.digest import objects_digest

ONE = {"kind": "Service", "metadata": {"name": "a", "labels": {"x": "1", "y": "é"}}}
OTHER = {"kind": "ConfigMap", "metadata": {"name": "a"}}


def test_neither_the_order_of_keys_nor_of_objects_matters() -> None:
    turned = {"metadata": {"labels": {"y": "é", "x": "1"}, "name": "a"}, "kind": "Service"}
    assert objects_digest([ONE, OTHER]) == objects_digest([OTHER, turned])


def test_any_change_of_a_value_shows() -> None:
    changed = {"kind": "Service", "metadata": {"name": "a", "labels": {"x": 1, "y": "é"}}}
    assert objects_digest([ONE]) != objects_digest([changed])
    assert objects_digest([ONE]) != objects_digest([ONE, ONE])


def test_the_digest_of_known_objects_never_changes() -> None:
    assert objects_digest([]) == "sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"
