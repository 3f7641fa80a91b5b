"""A small repository of agents that tests write for themselves, so that they hold with any fleet in `agents/`."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from ci.cli import app

_DIGEST = "sha256:" + "ab" * 32
CATALOG = {
    "settings": f"""\
version: 1
registry: registry.example.com/roster
base_images:
  python: {{image: "docker.io/library/python@{_DIGEST}"}}
  node: {{image: "docker.io/library/node@{_DIGEST}"}}
prices: {{currency: EUR, cpu_core_month: 20.0, memory_gib_month: 4.0, storage_gib_month: 0.1}}
gateway: {{name: public, namespace: gateway, labels: {{role: api-gateway}}}}
scraper: {{namespace: monitoring, labels: {{app: prometheus}}}}
dns: {{namespace: kube-system, labels: {{k8s-app: kube-dns}}}}
runbooks: https://git.example.com/runbooks/{{alert}}.md
alerts: {{down_minutes: 2, error_rate_percent: 5, p95_seconds: 10, cpu_percent: 80, memory_percent: 85}}
monitoring: {{owner: blue}}
""",
    "environments": """\
dev:
  description: For trying.
  clusters: {main: {context: dev}}
  namespace_suffix: -dev
  secrets: {prefix: dev, refresh_hours: 1, store: {kind: kubernetes, namespace: dev-secrets}}
  defaults:
    env: {STAGE: dev}
prod:
  description: For customers.
  clusters: {main: {context: prod}}
  secrets: {prefix: prod, refresh_hours: 1, store: {kind: kubernetes, namespace: prod-secrets}}
""",
    "teams": """\
red: {description: Red., email: red@example.com, slack: "#red", reviewers: "@example/red"}
blue: {description: Blue., email: blue@example.com, slack: "#blue", reviewers: "@example/blue"}
""",
    "pools": """\
sales:
  description: Sells.
  owner: red
  quota: {cpu: "100", memory: 100Gi, pods: 100, storage: 10Gi}
chat:
  description: Talks.
  owner: blue
  environments: [prod]
  quota: {cpu: "100", memory: 100Gi, pods: 100, storage: 10Gi}
  defaults:
    env: {GREETING: hello}
""",
    "tiers": """\
small:
  description: Most.
  priority: 1000
  defaults:
    resources: {requests: {cpu: 250m, memory: 512Mi}, limits: {cpu: 500m, memory: 1Gi}}
big:
  description: Few.
  priority: 2000
  defaults:
    resources: {requests: {cpu: "1", memory: 1Gi}, limits: {cpu: "2", memory: 2Gi}}
""",
    "runtimes": f"""\
service:
  description: Answers over HTTP.
  build: service
  base_image: python
  port: 8080
  probes: {{liveness: /health, readiness: /ready}}
  metrics_path: /metrics
  config: {{mount: /etc/agent, settings: settings.json, prompt: prompt.md}}
  env: {{PORT: "{{port}}", LOG_LEVEL: INFO}}
  defaults:
    scaling: {{min: 2, max: 5}}
character:
  description: An elizaOS character.
  build: character
  build_args: {{ELIZA_VERSION: 1.7.2}}
  base_image: node
  eliza: true
  port: 3000
  probes: {{liveness: /healthz, readiness: /health}}
  config: {{mount: /etc/agent, character: character.json}}
ready:
  description: A ready image.
  image: docker.io/example/ready@{_DIGEST}
  needs_model: false
  port: 4000
  probes: {{liveness: /health, readiness: /health}}
  secrets: {{DB_HOST: shared/db#host}}
""",
    "providers": """\
lab:
  description: A lab.
  hosts: [api.lab.example.com]
  secrets: {LAB_API_KEY: shared/lab#key}
  env: {LAB_MODEL: "{model.name}"}
  plugin: "@example/plugin-lab"
  models:
    lab-one: {input_per_million: 3.0, output_per_million: 15.0, max_output_tokens: 64000}
    lab-two: {input_per_million: 1.0, output_per_million: 5.0, max_output_tokens: 64000}
""",
    "channels": """\
telegram:
  description: A Telegram bot.
  polling: true
  hosts: [api.telegram.org]
  secrets: {TELEGRAM_BOT_TOKEN: bot-token}
  plugin: "@elizaos/plugin-telegram"
  runtimes: [character]
""",
    "plugins": """\
search:
  description: Searches.
  package: "@example/plugin-search"
  version: 1.0.0
  hosts: [api.search.example.com]
  secrets: {SEARCH_KEY: shared/search#key}
  runtimes: [character]
""",
    "databases": """\
memory:
  description: PostgreSQL.
  secrets: {POSTGRES_URL: shared/memory#url}
  endpoint: {namespace: data, labels: {app: postgresql}, port: 5432}
""",
    "queues": """\
jobs:
  description: Redis lists.
  scaler: redis
  metadata: {listName: "{name}", listLength: "{length}"}
  secrets: {QUEUE_ADDRESS: shared/jobs#address}
  authentication: {address: QUEUE_ADDRESS}
  endpoint: {namespace: data, labels: {app: redis}, port: 6379}
""",
}
WRITER = """\
# yaml-language-server: $schema=../agent.schema.json
version: 1
description: Writes offers.   # in the house's tone
owner: "red"
runtime: service
model: {name: lab-one, max_tokens: 1000}
prompt: {file: writer.prompt.md}
hosts:
  - crm.example.com
env: {TONE: kind}
scaling:
  min: 3  # two are busy at noon
exposure: {callers: [gateway, sales/asker]}
overrides:
  prod:
    scaling: {max: 8}
"""
ASKER = """\
version: 1
description: Asks the writer.
owner: blue
runtime: service
model: {name: lab-two}
calls: [sales/writer]
storage: {databases: [memory]}
"""
HERALD = """\
version: 1
description: Talks on Telegram.
owner: blue
runtime: character
model: {name: lab-one}
character: {file: herald.character.json}
channels: {telegram: {}}
plugins: [search]
"""
FILES = {
    "components/images/service/Dockerfile": "FROM x\n",
    "components/images/service/Dockerfile.j2": "FROM {{ base_image }}\n",
    "components/images/character/Dockerfile": "FROM y\n",
    "components/images/character/Dockerfile.j2": "FROM {{ base_image }}\n",
    **{f"agents/catalog/{name}.yaml": text for name, text in CATALOG.items()},
    "agents/sales/writer.yaml": WRITER,
    "agents/sales/writer.prompt.md": "You write offers.\n",
    "agents/sales/asker.yaml": ASKER,
    "agents/chat/herald.yaml": HERALD,
    "agents/chat/herald.character.json": '{"name": "Herald", "bio": "Tells the news."}\n',
}


def write_fleet(folder: Path, files: dict[str, str] | None = None) -> Path:
    """Writes the fleet below `folder`, with `files` over it."""
    for path, text in {**FILES, **(files or {})}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")
    return folder


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def roster(folder: Path, *arguments: str) -> Done:
    """Runs a command in `folder`, output piped, in this process: starting Python takes most of the time."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    finally:
        os.chdir(here)
    return Done(result.exit_code, result.stdout, result.stderr)


def roster_process(folder: Path, *arguments: str, **variables: str) -> Done:
    """Runs a command in `folder` as a user does, in a process of its own."""
    command = [sys.executable, "-c", "from ci.cli import main; main()", *arguments]
    variables = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **variables}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60, env=variables)
    return Done(done.returncode, done.stdout, done.stderr)


def snapshot(folder: Path) -> dict[str, bytes]:
    """All files of the repository with their bytes."""
    paths = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def git(folder: Path, *arguments: str) -> str:
    """Runs git in `folder`."""
    settings = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *settings, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()
