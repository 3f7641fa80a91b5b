"""Shapes of real credentials: where one is pasted, it is refused and never repeated."""

from __future__ import annotations

import re
from collections.abc import Iterator

# (what it is, its shape), from the providers' own documentation of their key formats.
SHAPES = (
    ("an Anthropic API key", r"sk-ant-[A-Za-z0-9_-]{12,}"),
    ("an OpenAI-style API key", r"sk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{20,}"),
    ("a GitHub token", r"(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})"),
    ("a GitLab token", r"glpat-[A-Za-z0-9_-]{20,}"),
    ("a Slack token", r"xox[abeoprs]-[A-Za-z0-9-]{10,}"),
    ("a Slack webhook", r"hooks\.slack\.com/services/T[A-Za-z0-9]+/B[A-Za-z0-9]+/[A-Za-z0-9]+"),
    ("an AWS access key", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    ("a Google API key", r"\bAIza[A-Za-z0-9_-]{35}"),
    ("a Telegram bot token", r"\b[0-9]{8,10}:AA[A-Za-z0-9_-]{33}"),
    ("a Discord bot token", r"\b[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}"),
    ("a Stripe key", r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    ("a Hugging Face token", r"\bhf_[A-Za-z0-9]{30,}"),
    ("a Vault token", r"\bhv[sb]\.[A-Za-z0-9_-]{24,}"),
    ("a JSON web token", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    ("a private key", r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"),
    ("a password in an address", r"\b[a-z][a-z0-9+.-]{0,30}://[^\s:/@{}$<]+:[^\s@/{}$<]{3,}@[A-Za-z0-9]"),
)
# One cheap look decides for nearly every file: all shapes hold one of these words.
_CHEAP = re.compile(
    r"sk-|gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|hooks\.slack|AKIA|ASIA|AIza|:AA|_live_|_test_|hf_|hv[sb]\.|eyJ|"
    r"PRIVATE KEY|://[^\s/]{0,200}@|[MNO][A-Za-z0-9_-]{23,27}\."
)
_ANY = re.compile("|".join(f"(?P<s{index}>{shape})" for index, (_, shape) in enumerate(SHAPES)))
# Names of variables whose value is a secret; public keys are none.
_NAMED_SO = re.compile(
    r"(?:^|_)(?<!PUBLIC_)(?:API_?KEY|KEY|SECRET|TOKEN|PASSWORD|PASSWD|PWD|PASSPHRASE|CREDENTIALS?)$", re.IGNORECASE
)
# A switch or a small number is no secret, wherever it stands.
_PLAIN = re.compile(r"|true|false|yes|no|on|off|none|null|[0-9]{1,5}", re.IGNORECASE)


def pasted_secrets(text: str) -> Iterator[tuple[int, str]]:
    """For each credential in `text` its position and what it is (`a GitHub token`), never the value."""
    if _CHEAP.search(text) is None:
        return
    for match in _ANY.finditer(text):
        yield match.start(), SHAPES[int((match.lastgroup or "s0")[1:])][0]


def looks_secret(text: str) -> bool:
    """Whether `text` holds a credential."""
    return next(pasted_secrets(text), None) is not None


def names_secret(variable: str) -> bool:
    """Whether a variable of this name holds a secret."""
    return _NAMED_SO.search(variable) is not None


def is_plain(value: str) -> bool:
    """Whether it is empty, a switch or a small number: no secret, whatever it is called."""
    return _PLAIN.fullmatch(value.strip()) is not None


def without_secrets(text: str) -> str:
    """The text with `…` in the place of each credential."""
    return _ANY.sub("…", text)
