"""What each plugin of an elizaOS image needs to be told; the start-up script holds its environment against it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from components.definition.load_catalog import Catalog


def plugin_needs(packages: Iterable[str], catalog: Catalog) -> dict[str, Any]:
    """`needs.json` for an image with `packages`: {plugins: {package: {for: text, variables: [name]}}}.

    The variables are the secrets that the catalog's entries name for a package; `for` says which entries these are.
    """
    wanted: dict[str, dict[str, set[str]]] = {package: {"for": set(), "variables": set()} for package in packages}
    for kind, word, field in (
        ("providers", "provider", "plugin"),
        ("channels", "channel", "plugin"),
        ("plugins", "plugin", "package"),
    ):
        for name, entry in catalog.entries[kind].items():
            need = wanted.get(getattr(entry, field) or "")
            if need is not None:
                need["for"].add(f"{word} {name}")
                need["variables"] |= set(entry.secrets or {})
    return {
        "plugins": {
            package: {"for": ", ".join(sorted(need["for"])) or "elizaOS", "variables": sorted(need["variables"])}
            for package, need in sorted(wanted.items())
        }
    }


def needs_text(needs: dict[str, Any]) -> str:
    """`needs.json` as a file."""
    return json.dumps(needs, indent=2) + "\n"
