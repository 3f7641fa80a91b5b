"""Logins to registries from docker's config.json, its credential helpers included."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ci.images.references import HUB

# Under this name docker keeps its own hub's login.
_HUB_KEY = "https://index.docker.io/v1/"
# A helper's name ends a program's name; it is no path.
_HELPER = re.compile(r"[A-Za-z0-9._-]+")
_HELPER_SECONDS = 30
# The user name with which a helper says that the secret is a token that gets tokens.
_TOKEN_USER = "<token>"


class LoginError(Exception):
    """The config.json, or a helper that it names, gives no login; `str()` says why in one line without a secret."""


@dataclass(frozen=True, slots=True)
class Login:
    """A user with a password, or `identity`: a token for which the registry's token service gives others."""

    user: str = ""
    password: str = field(default="", repr=False)
    identity: str = field(default="", repr=False)


def default_config(variables: Mapping[str, str]) -> Path:
    """Where docker keeps its config.json."""
    return (
        Path(variables.get("DOCKER_CONFIG") or Path(variables.get("HOME") or "/nonexistent") / ".docker")
        / "config.json"
    )


def login_for(host: str, config: Path | None) -> Login | None:
    """The login for a registry; None when there is none, so that it is asked as anybody. Raises LoginError."""
    if config is None or not config.is_file():
        return None
    try:
        settings = json.loads(config.read_bytes())
        auths, helpers = settings.get("auths") or {}, settings.get("credHelpers") or {}
    except (OSError, ValueError, AttributeError) as error:
        raise LoginError(f"{config} cannot be read as docker's settings: {error}") from None
    key = _HUB_KEY if host == HUB else host
    helper = helpers.get(host) or helpers.get(key)
    entry = next((auths[name] for name in (key, host, f"https://{host}", f"https://{host}/v2/") if name in auths), None)
    if not helper and settings.get("credsStore") and entry is not None:
        helper = settings["credsStore"]
    if helper:
        return _from_helper(str(helper), key)
    return _from_entry(entry, host, config) if entry else None


def _from_entry(entry: dict[str, Any], host: str, config: Path) -> Login:
    if entry.get("identitytoken"):
        return Login(identity=str(entry["identitytoken"]))
    try:
        user, colon, password = base64.b64decode(entry.get("auth", ""), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, TypeError):
        user = colon = password = ""
    if not colon:
        raise LoginError(f"the login for {host} in {config} is damaged; run: docker login {host}")
    return Login(user, password)


def _from_helper(helper: str, key: str) -> Login | None:
    program = f"docker-credential-{helper}"
    if not _HELPER.fullmatch(helper):
        raise LoginError(f"{helper!r} is not the name of a credential helper")
    try:
        done = subprocess.run(
            [program, "get"],
            input=key,
            capture_output=True,
            text=True,
            timeout=_HELPER_SECONDS,
            check=False,
            env=os.environ,
        )
    except FileNotFoundError:
        raise LoginError(f"docker's settings name the helper {program} for {key}, and it is not on PATH") from None
    except subprocess.TimeoutExpired:
        raise LoginError(f"{program} gave no login for {key} in {_HELPER_SECONDS} s") from None
    if done.returncode:
        if "not found" in done.stdout:
            return None
        raise LoginError(f"{program} gave no login for {key}: {done.stdout.strip() or done.stderr.strip()}")
    try:
        said = json.loads(done.stdout)
        user, secret = str(said["Username"]), str(said["Secret"])
    except (ValueError, KeyError, TypeError):
        raise LoginError(f"{program} gave something else than a login for {key}") from None
    return Login(identity=secret) if user == _TOKEN_USER else Login(user, secret)
