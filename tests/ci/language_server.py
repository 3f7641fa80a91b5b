"""The YAML language server that editors use, installed once into the user's cache folder and spoken to over stdio."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from npm_package import installed

PACKAGE = Path(__file__).parent / "language-server" / "package.json"
NAME = "yaml-language-server"


class LanguageServer:
    """One server process with one open document."""

    def __init__(self, document: Path) -> None:
        self.uri = document.as_uri()
        program = installed(PACKAGE) / "node_modules" / NAME / "bin" / NAME
        self.process = subprocess.Popen(
            ["node", str(program), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.number = 0
        self.diagnostics: list[dict[str, Any]] | None = None
        self.ask("initialize", {"processId": os.getpid(), "rootUri": document.parent.as_uri(), "capabilities": {}})
        self._send({"method": "initialized", "params": {}})
        self.version = 0

    def close(self) -> None:
        """Stops the server."""
        self.process.kill()
        self.process.communicate()

    def open(self, text: str) -> None:
        """Shows `text` to the server as the document."""
        self.version += 1
        if self.version == 1:
            document = {"uri": self.uri, "languageId": "yaml", "version": 1, "text": text}
            self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
            return
        params = {"textDocument": {"uri": self.uri, "version": self.version}, "contentChanges": [{"text": text}]}
        self._send({"method": "textDocument/didChange", "params": params})

    def problems(self, text: str) -> list[str]:
        """What it says is wrong with `text`."""
        self.diagnostics = None
        self.open(text)
        while self.diagnostics is None:
            self._handle(self._receive())
        return [str(one["message"]) for one in self.diagnostics]

    def completions(self, text: str) -> list[str]:
        """What it offers where `text` has a |."""
        answer = self._at("completion", text)
        return [str(item["label"]) for item in answer["items"]]

    def hover(self, text: str) -> str:
        """What it says about the place where `text` has a |."""
        answer = self._at("hover", text)
        return str(answer["contents"]["value"]) if answer else ""

    def ask(self, method: str, params: dict[str, Any]) -> Any:
        """Sends a request and gives its result."""
        self.number += 1
        number = self.number
        self._send({"id": number, "method": method, "params": params})
        while True:
            message = self._receive()
            if message.get("id") == number and "method" not in message:
                assert "error" not in message, message
                return message["result"]
            self._handle(message)

    def _at(self, method: str, text: str) -> Any:
        before = text[: text.index("|")]
        self.open(text.replace("|", "", 1))
        position = {"line": before.count("\n"), "character": len(before) - before.rfind("\n") - 1}
        return self.ask(f"textDocument/{method}", {"textDocument": {"uri": self.uri}, "position": position})

    def _handle(self, message: dict[str, Any]) -> None:
        if message.get("method") == "textDocument/publishDiagnostics":
            self.diagnostics = message["params"]["diagnostics"]
        elif message.get("method") == "workspace/configuration":
            section = {"validate": True, "hover": True, "completion": True, "schemaStore": {"enable": False}}
            items = [section if item.get("section") == "yaml" else {} for item in message["params"]["items"]]
            self._send({"id": message["id"], "result": items})
        elif "id" in message:
            self._send({"id": message["id"], "result": None})

    def _send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
        self.process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        assert self.process.stdout
        length = 0
        while line := self.process.stdout.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        assert length, "the language server stopped"
        message: dict[str, Any] = json.loads(self.process.stdout.read(length))
        return message
