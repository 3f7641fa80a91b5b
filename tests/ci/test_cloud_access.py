"""Cloud access by the CI's own identity: what the command gets, for how long, and what is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ci.cloud_access import AccessError, wanted

TOP = Path(__file__).parents[2]
EVERYTHING = {
    "ROSTER_AWS_ROLE": "arn:aws:iam::1:role/roster",
    "ROSTER_GCP_PROVIDER": "projects/1/locations/global/workloadIdentityPools/p/providers/q",
    "ROSTER_GCP_ACCOUNT": "roster@example.com",
    "ROSTER_AZURE_CLIENT": "client",
    "ROSTER_AZURE_TENANT": "tenant",
    "ROSTER_KUBECONFIG": "apiVersion: v1\n",
}
SHOW = """
import json, os, stat
files = {n: os.environ[n] for n in ("AWS_WEB_IDENTITY_TOKEN_FILE", "GOOGLE_APPLICATION_CREDENTIALS",
                                    "AZURE_FEDERATED_TOKEN_FILE", "KUBECONFIG") if n in os.environ}
google = files.get("GOOGLE_APPLICATION_CREDENTIALS")
print(json.dumps({
    "texts": {n: open(p).read() for n, p in files.items()},
    "google": open(json.load(open(google))["credential_source"]["file"]).read() if google else "",
    "modes": sorted({oct(stat.S_IMODE(os.stat(p).st_mode)) for p in files.values()}),
    "folder": os.path.dirname(files["KUBECONFIG"]) if files else "",
    "azure": os.environ.get("AZURE_CLIENT_ID"), "aws": os.environ.get("AWS_ROLE_ARN"),
}))
"""


@pytest.fixture
def identity() -> Iterator[dict[str, str]]:
    """The runner's token service on this machine; a token is its audience and number."""
    count = iter(range(1000))

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            question = parse_qs(urlsplit(self.path).query)
            allowed = self.headers["Authorization"] == "Bearer ask" and question["api-version"] == ["2.0"]
            body = json.dumps({"value": f"{question['audience'][0]} {next(count)}"}).encode()
            self.send_response(200 if allowed else 403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/token?api-version=2.0"
    yield {"ACTIONS_ID_TOKEN_REQUEST_URL": url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "ask"}
    server.shutdown()
    thread.join()
    server.server_close()


def start(settings: dict[str, str], *command: str) -> subprocess.Popen[str]:
    """Starts a command with cloud access."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ROSTER_", "ACTIONS_", "AWS_"))}
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    program = [sys.executable, "-m", "ci.cloud_access", *command]
    # A background job of a shell ignores SIGINT; all below it inherit that, and a shell cannot trap it then.
    taken = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        return subprocess.Popen(program, cwd=TOP, env=clean | settings, process_group=0, **pipes)
    finally:
        signal.signal(signal.SIGINT, taken)


def run(settings: dict[str, str], *command: str) -> tuple[int, str, str]:
    """Exit code, output and errors."""
    with start(settings, *command) as process:
        out, err = process.communicate(timeout=30)
    return process.returncode, out, err


def test_each_cloud_gets_a_token_meant_for_it_alone_and_nothing_stays(identity: dict[str, str]) -> None:
    code, out, err = run(EVERYTHING | identity, sys.executable, "-c", SHOW)
    assert code == 0, err
    seen = json.loads(out)
    assert seen["texts"]["AWS_WEB_IDENTITY_TOKEN_FILE"].split()[0] == "sts.amazonaws.com"
    assert seen["texts"]["AZURE_FEDERATED_TOKEN_FILE"].split()[0] == "api://AzureADTokenExchange"
    assert seen["google"].split()[0] == f"https://iam.googleapis.com/{EVERYTHING['ROSTER_GCP_PROVIDER']}"
    assert seen["texts"]["KUBECONFIG"] == "apiVersion: v1\n"
    assert (seen["aws"], seen["azure"]) == ("arn:aws:iam::1:role/roster", "client")
    assert not Path(seen["folder"]).exists()


def test_nobody_else_on_the_machine_reads_the_tokens(identity: dict[str, str]) -> None:
    assert json.loads(run(EVERYTHING | identity, sys.executable, "-c", SHOW)[1])["modes"] == ["0o600"]


def test_gitlabs_tokens_are_taken_as_they_are() -> None:
    settings = {"ROSTER_AWS_ROLE": "r", "ROSTER_AWS_TOKEN": "from-gitlab"}
    assert run(settings, "sh", "-c", 'cat "$AWS_WEB_IDENTITY_TOKEN_FILE"') == (0, "from-gitlab", "")


def test_on_a_laptop_the_command_just_runs_and_its_exit_code_is_kept() -> None:
    assert run({"AWS_PROFILE": "mine"}, "sh", "-c", 'echo "$AWS_PROFILE"; exit 4') == (4, "mine\n", "")


def test_half_a_setting_and_a_missing_right_say_what_to_add(identity: dict[str, str]) -> None:
    with pytest.raises(AccessError, match="ROSTER_GCP_ACCOUNT must be set too"):
        wanted({"ROSTER_GCP_PROVIDER": "p"})
    code, _, err = run({"ROSTER_AWS_ROLE": "r"}, "true")
    assert (code, "id-token: write" in err) == (2, True)
    code, _, err = run({"ROSTER_AWS_ROLE": "r", **identity, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "no"}, "true")
    assert code == 2
    assert "Traceback" not in err
    assert run({}, "no-such-command")[0] == 127


def test_tokens_are_renewed_while_the_command_runs(identity: dict[str, str]) -> None:
    script = (
        "import ci.cloud_access as a, sys; a.RENEW_SECONDS = 0.2; "
        "sys.exit(a.main(['sh', '-c', 'f=$AWS_WEB_IDENTITY_TOKEN_FILE; cat $f; "
        'for i in $(seq 100); do grep -q " [1-9]" $f && break; sleep 0.1; done; echo; cat $f\']))'
    )
    environment = os.environ | identity | {"ROSTER_AWS_ROLE": "r"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=TOP,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    first, later = done.stdout.splitlines()
    assert first == "sts.amazonaws.com 0"
    assert later != first


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_reaches_the_command_once_and_it_may_end_in_order(number: signal.Signals) -> None:
    # Waits to be told, as long as a busy machine may take, and then whether it is told again.
    script = (
        f"trap 'echo told; told=yes' {number.name}; echo ready; "
        'for turn in $(seq 600); do [ -n "$told" ] && break; sleep 0.05; done; sleep 0.3; echo in order; exit 9'
    )
    with start({}, "bash", "-c", script) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.05)
        os.killpg(process.pid, number)  # as a terminal does: to all in the foreground
        rest = process.stdout.read()
        assert process.wait(timeout=60) == 9
    assert rest == "told\nin order\n"
