"""A small internet in a network namespace of its own, with a real Squid: run by `unshare`, asked by lines of JSON.

`python squid_world.py FOLDER SQUID`: FOLDER has `etc/` with squid.conf, gather-hosts and gathered lists. It prints a
line when Squid listens. Then each line read is answered by one: `[port, text]` is sent to Squid's port, and answered by
the first line of the answer and what the other side says; `["gather"]` runs gather-hosts; `["questions"]` says which
names DNS was asked for; `["run", …]` runs a program here, and says what it wrote. It ends with its standard input.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

# Squid refuses to be root, and to become somebody whom this namespace does not have.
AS_USER = ("unshare", "--map-user=1000", "--map-group=1000")
ADDRESSES = ("203.0.113.10", "203.0.113.20", "203.0.113.66", "10.0.0.5", "169.254.169.254", "168.63.129.16")
# An address whose owner gives it the name of an allowed host.
CLAIMED = ("66.113.0.203.in-addr.arpa", "api.anthropic.com")
LISTENING = (443, 80, 22, 8443)
GREETING = b"the host itself\n"
NAMES = """\
203.0.113.10 api.anthropic.com
203.0.113.10 hooks.example.com
203.0.113.20 other.example.com
203.0.113.20 x.api.anthropic.com
10.0.0.5 rebound.example.com
169.254.169.254 metadata.example.com
168.63.129.16 wire.example.com
169.254.169.254 metadata.google.internal
"""
# Of this machine, not of the proxy: where files are, who answers names, that it ends at once.
MACHINE = """
pid_filename {folder}/squid.pid
hosts_file {folder}/hosts
dns_nameservers 127.0.0.1
mime_table {files}/mime.conf
icon_directory {files}/icons
error_directory {folder}/errors
cache_log {folder}/cache.log
access_log stdio:{folder}/access.log
coredump_dir {folder}
pinger_enable off
unlinkd_program {helpers}/unlinkd
shutdown_lifetime 0 seconds
"""


def main(folder: Path, squid: str) -> None:
    """Until standard input ends."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in ADDRESSES:
        subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
        for port in LISTENING:
            threading.Thread(target=greet, args=(socket.create_server((address, port)),), daemon=True).start()
    (folder / "hosts").write_text(NAMES)
    (folder / "errors").mkdir()
    conf = folder / "etc/squid.conf"
    files = next(iter(Path(squid).parents[1].glob("share/squid")), Path("/usr/share/squid"))
    helpers = Path(squid).parents[1] / "lib/squid"
    conf.write_text(conf.read_text() + MACHINE.format(folder=folder, files=files, helpers=helpers))
    gather(folder)
    questions: list[str] = []
    threading.Thread(target=resolve, args=(questions,), daemon=True).start()
    proxy = subprocess.Popen([*AS_USER, squid, "-N", "-f", conf], stdin=subprocess.DEVNULL, stdout=sys.stderr)
    try:
        wait_for_port(proxy, 3129)
        print("ready", flush=True)
        for line in sys.stdin:
            match json.loads(line):
                case ["gather"]:
                    print(json.dumps(gather(folder)), flush=True)
                case ["run", *command]:
                    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
                    print(json.dumps([done.stdout, done.stderr]), flush=True)
                case ["questions"]:
                    print(json.dumps(questions), flush=True)
                case [port, text]:
                    print(json.dumps(ask(port, text)), flush=True)
    finally:
        proxy.kill()
        proxy.wait()


def gather(folder: Path) -> str:
    """Runs gather-hosts, and waits until Squid has read its files again."""
    log = folder / "cache.log"
    before = log.read_text().count("Accepting HTTP") if log.exists() else 0
    done = subprocess.run(
        ["sh", folder / "etc/gather-hosts", "3129", "3130"], capture_output=True, text=True, check=False
    )
    if before and done.returncode == 0:
        end = time.monotonic() + 10
        while time.monotonic() < end and log.read_text().count("Accepting HTTP") == before:
            time.sleep(0.05)
    return done.stderr


def ask(port: int, text: str) -> list[str]:
    """The status line that Squid answers with, and what comes behind its head."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(text.encode())
        answer = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            while not _complete(answer) and (part := connection.recv(65536)):
                answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    return [head.split(b"\r\n")[0].decode(), body.decode(errors="replace")]


def _complete(answer: bytes) -> bool:
    """A refusal leaves the connection open; behind a tunnel the host speaks first."""
    head, found, body = answer.partition(b"\r\n\r\n")
    return bool(found) and (b" 200 " not in head.split(b"\r\n")[0] or GREETING in body)


def greet(server: socket.socket) -> None:
    """Says who it is to whoever comes."""
    while True:
        connection, _ = server.accept()
        with connection:
            connection.sendall(GREETING)


def resolve(questions: list[str]) -> None:
    """DNS that notes what it is asked, and knows no name but what one address claims."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 53))
        while True:
            message, sender = server.recvfrom(4096)
            labels, at = [], 12
            while message[at]:
                labels.append(message[at + 1 : at + 1 + message[at]].decode())
                at += 1 + message[at]
            questions.append(".".join(labels))
            answer, flags = b"", b"\x81\x83"
            if questions[-1] == CLAIMED[0]:
                name = b"".join(bytes([len(label)]) + label.encode() for label in CLAIMED[1].split(".")) + b"\0"
                answer, flags = b"\xc0\x0c\0\x0c\0\x01\0\0\0\x3c" + len(name).to_bytes(2, "big") + name, b"\x81\x80"
            counts = message[4:6] + (b"\0\1" if answer else b"\0\0") + bytes(4)
            server.sendto(message[:2] + flags + counts + message[12 : at + 5] + answer, sender)


def wait_for_port(proxy: subprocess.Popen[bytes], port: int) -> None:
    """Until Squid listens there; a minute at most."""
    end = time.monotonic() + 60
    while time.monotonic() < end and proxy.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise SystemExit("Squid does not listen")


if __name__ == "__main__":
    os.environ["PATH"] += f"{os.pathsep}{Path(sys.argv[2]).parent}"
    main(Path(sys.argv[1]), sys.argv[2])
