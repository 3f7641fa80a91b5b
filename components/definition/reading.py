"""Reads one file into a document, with all that is wrong with it by itself."""

from __future__ import annotations

import hashlib

from components.definition.empty_values import empty_values
from components.definition.explain_error import validate
from components.definition.fields import Closed
from components.definition.findings import Finding
from components.definition.pasted_secrets import pasted_secrets
from components.definition.tree import FileProblem, Tree
from components.definition.yaml_reader import Document, read_yaml


def read_document(tree: Tree, path: str, findings: list[Finding]) -> Document:
    try:
        data = tree.read(path)
    except FileProblem as problem:
        document = Document(path, None, [Finding(path, 1, 1, problem.rule, problem.message)])
    else:
        document = read_yaml(data, path)
        document.findings += secrets_in(document.text, path)
    findings += document.findings
    return document


def model_problems(model: type[Closed], document: Document, *prefix: str) -> list[Finding]:
    """What is wrong with a document, or its entry at `prefix`: keys without a value first, then what the model says."""
    value = document.value
    for name in prefix:
        value = value[name]
    empty = empty_values(value, document, prefix)
    if value is None:
        return empty
    said = {(one.line, one.message.split(" ", 1)[0].rstrip(":")) for one in empty}
    return empty + [
        one
        for one in validate(model, value, document, prefix)
        if (one.line, one.message.split(" ", 1)[0].rstrip(":")) not in said
    ]


def secrets_in(text: str, path: str) -> list[Finding]:
    found = []
    for position, what in pasted_secrets(text):
        line, column = text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)
        message = f"{what} stands here; revoke it, put the new one into the secret store, and name its path#key"
        found.append(Finding(path, line, column, "pasted-secret", message))
    return found


def context_hash(tree: Tree, folder: str, without: str = "") -> str | None:
    """SHA-256 over the names and contents of a build context's files; None when there are none or links among them.

    `without`: a file in it that does not count.
    """
    listing = tree.files(folder)
    if not listing.files or listing.links:
        return None
    digest = hashlib.sha256()
    for path in listing.files:
        if without and path == f"{folder}/{without}":
            continue
        content = hashlib.sha256(tree.read(path)).hexdigest()
        digest.update(f"{path[len(folder) + 1 :]}\0{content}\n".encode())
    return digest.hexdigest()
