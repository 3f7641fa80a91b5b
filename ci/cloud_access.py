"""Runs a command with short-lived cloud access: the CI's own identity token (OIDC), exchanged by each cloud's library.

usage: python -m ci.cloud_access COMMAND…

No key is stored anywhere. What is set decides; with nothing set the command just runs, as on a laptop:
    ROSTER_AWS_ROLE                             the role's ARN
    ROSTER_GCP_PROVIDER, ROSTER_GCP_ACCOUNT     projects/N/…/providers/Q; the account's e-mail
    ROSTER_AZURE_CLIENT, ROSTER_AZURE_TENANT    the application's and the directory's id
    ROSTER_KUBECONFIG                           a kubeconfig's text, without credentials (it calls the cloud's login)
On GitHub tokens come from the runner and are renewed while the command runs, as they are short-lived. On GitLab they
stand in ROSTER_AWS_TOKEN, ROSTER_GCP_TOKEN and ROSTER_AZURE_TOKEN (`id_tokens:`) and live as long as the job.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

RENEW_SECONDS = 180.0  # GitHub's tokens live for five minutes


class AccessError(Exception):
    """The CI gives no identity; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Cloud:
    """A cloud that takes identity tokens, as a file of its name. `needs` are the settings that belong together."""

    name: str
    needs: tuple[str, ...]
    audience: str  # {…} stands for a setting


CLOUDS = (
    Cloud("aws", ("ROSTER_AWS_ROLE",), "sts.amazonaws.com"),
    Cloud("gcp", ("ROSTER_GCP_PROVIDER", "ROSTER_GCP_ACCOUNT"), "https://iam.googleapis.com/{ROSTER_GCP_PROVIDER}"),
    Cloud("azure", ("ROSTER_AZURE_CLIENT", "ROSTER_AZURE_TENANT"), "api://AzureADTokenExchange"),
)


def wanted(settings: Mapping[str, str]) -> list[Cloud]:
    """The clouds that are set up. Raises AccessError for one that is set up in part."""
    found = []
    for cloud in CLOUDS:
        missing = [name for name in cloud.needs if not settings.get(name)]
        if len(missing) < len(cloud.needs):
            if missing:
                raise AccessError(f"{' and '.join(missing)} must be set too")
            found.append(cloud)
    return found


def variables(settings: Mapping[str, str], clouds: list[Cloud], folder: Path) -> dict[str, str]:
    """What the clouds' libraries read, with token files in `folder`."""
    found: dict[str, str] = {}
    for cloud in clouds:
        token = str(folder / cloud.name)
        if cloud.name == "aws":
            found |= {"AWS_ROLE_ARN": settings["ROSTER_AWS_ROLE"], "AWS_ROLE_SESSION_NAME": "roster"}
            found["AWS_WEB_IDENTITY_TOKEN_FILE"] = token
        elif cloud.name == "gcp":
            found["GOOGLE_APPLICATION_CREDENTIALS"] = str(folder / "gcp.json")
        else:
            found["AZURE_CLIENT_ID"] = settings["ROSTER_AZURE_CLIENT"]
            found |= {"AZURE_TENANT_ID": settings["ROSTER_AZURE_TENANT"], "AZURE_FEDERATED_TOKEN_FILE": token}
    if settings.get("ROSTER_KUBECONFIG"):
        found["KUBECONFIG"] = str(folder / "kubeconfig")
    return found


def google_credentials(settings: Mapping[str, str], token: Path) -> str:
    """The file that Google's libraries exchange a token by (an external account)."""
    account = settings["ROSTER_GCP_ACCOUNT"]
    impersonate = f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{account}:generateAccessToken"
    content = {
        "type": "external_account",
        "audience": f"//iam.googleapis.com/{settings['ROSTER_GCP_PROVIDER']}",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://sts.googleapis.com/v1/token",
        "service_account_impersonation_url": impersonate,
        "credential_source": {"file": str(token)},
    }
    return json.dumps(content)


def fetch_token(settings: Mapping[str, str], cloud: Cloud) -> str:
    """An identity token for one cloud. Raises AccessError."""
    given = settings.get(f"ROSTER_{cloud.name.upper()}_TOKEN")
    if given:
        return given
    url, bearer = settings.get("ACTIONS_ID_TOKEN_REQUEST_URL"), settings.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    if not url or not bearer:
        raise AccessError(
            f"{cloud.needs[0]} is set, but the CI gives no identity token: on GitHub the job needs the permission "
            f"id-token: write, on GitLab id_tokens: ROSTER_{cloud.name.upper()}_TOKEN"
        )
    import httpx

    try:
        answer = httpx.get(
            httpx.URL(url).copy_set_param("audience", cloud.audience.format_map(settings)),
            headers={"Authorization": f"Bearer {bearer}"},
            timeout=20,
        )
        answer.raise_for_status()
        return str(answer.json()["value"])
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise AccessError(f"the CI's identity token for {cloud.name} could not be had: {error}") from error


def write_token(settings: Mapping[str, str], cloud: Cloud, folder: Path) -> None:
    """Puts a new token into place, whole: a reader sees the old or the new one."""
    staged = folder / f".{cloud.name}"
    _write_own(staged, fetch_token(settings, cloud))
    staged.replace(folder / cloud.name)


def _write_own(path: Path, text: str) -> None:
    path.touch(0o600)
    path.write_text(text, "utf-8")


def _renew(settings: Mapping[str, str], clouds: list[Cloud], folder: Path, ended: threading.Event) -> None:
    while not ended.wait(RENEW_SECONDS):
        for cloud in clouds:
            try:
                write_token(settings, cloud, folder)
            except AccessError as error:  # the next try may succeed; the cloud itself says when it is too late
                print(f"cloud access: {error}", file=sys.stderr)


def _run(command: list[str], environment: Mapping[str, str]) -> int:
    """The command's exit code. A session of its own gets each signal once: at a second SIGINT Pulumi gives up."""
    with subprocess.Popen(command, env=dict(environment), start_new_session=True) as child:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda received, _: child.send_signal(received))
        code = child.wait()
    return code if code >= 0 else 128 - code


def main(command: list[str]) -> int:
    """Runs the command, and gives its exit code; 2 without identity."""
    settings = dict(os.environ)
    try:
        clouds = wanted(settings)
        with TemporaryDirectory(prefix="roster-access-") as name:
            folder = Path(name)
            for cloud in clouds:
                write_token(settings, cloud, folder)
                if cloud.name == "gcp":
                    _write_own(folder / "gcp.json", google_credentials(settings, folder / "gcp"))
            if settings.get("ROSTER_KUBECONFIG"):
                _write_own(folder / "kubeconfig", settings["ROSTER_KUBECONFIG"])
            ended = threading.Event()
            threading.Thread(target=_renew, args=(settings, clouds, folder, ended), daemon=True).start()
            try:
                return _run(command, settings | variables(settings, clouds, folder))
            finally:
                ended.set()
    except AccessError as error:
        print(f"cloud access: {error}", file=sys.stderr)
        return 2
    except FileNotFoundError as error:
        print(f"cloud access: {error}", file=sys.stderr)
        return 127


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python -m ci.cloud_access COMMAND…")
    sys.exit(main(sys.argv[1:]))
