"""The threat page: each line must be true of the agent, and nothing that matters may be missing."""

from __future__ import annotations

import json
import subprocess
from math import ceil
from pathlib import Path

import pytest
from command_fleet import FILES, WRITER, git, roster, write_fleet
from runtime_python import runtime_python
from small_fleet import CHARACTER, MINIMAL, fleet

from ci.threat.holders import other_holders
from ci.threat.judged import SAFETY_DEFAULTS
from ci.threat.page import as_markdown, statements
from ci.threat.spending import SERVICE_ATTEMPTS, SERVICE_BODY_BYTES, SERVICE_RATE, SERVICE_REDIS
from ci.threat.statement import TOPICS, Statement, Statements, differences, from_json
from components.definition.mirrored import mirrored
from components.specs import agent_manifests
from policies.judge import Policies
from policies.rule import Subject

TOP = Path(__file__).parents[2]
TODAY = "2026-11-21"
Overlay = dict[str, str]
PROD = """\
prod:
  description: What customers talk to.
  clusters: {eu: {context: prod-eu}, us: {context: prod-us}}
  secrets: {prefix: prod, refresh_hours: 1, store: {kind: kubernetes, namespace: prod-secrets}}
  cloud: {aws_region: eu-west-1}
"""
PROXY = "{kind: proxy, host: proxy.egress, pods: {namespace: egress, labels: {app: squid}}, ports: {PORTS}}"


def said(text: str, catalog: Overlay | None = None, environment: str = "prod", today: str = TODAY) -> Statements:
    """All that is said of the agent business/sample."""
    opened = fleet({"business/sample.yaml": text}, catalog)
    examined = opened.examine("agents/business/sample.yaml", [environment])
    assert environment in examined.resolved, "\n".join(map(str, examined.findings))
    agent = examined.resolved[environment]
    manifests = agent_manifests(agent)
    judged = Policies(opened.catalog.waivers, today).judge(manifests, Subject.of(agent, opened.catalog))
    return statements(agent, manifests, judged, opened.catalog, today)


def lines(topic: str, text: str, catalog: Overlay | None = None) -> str:
    """What the page says under a topic."""
    return "\n".join(one.text for one in said(text, catalog) if one.topic == topic and one.text)


def egress(kind: str) -> Overlay:
    """The production environment with that kind of egress."""
    pools = fleet({}).catalog.pools
    ports = ", ".join(f"{pool}: {3129 + number}" for number, pool in enumerate(pools))
    return {"environments.yaml": f"{PROD}  network: {{egress: {kind.replace('PORTS', ports)}}}\n"}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("{kind: minimum}", "**every public address over HTTPS**"),
        ("{kind: cilium}", "over HTTPS only the hosts below"),
        (PROXY, "the internet only by the proxy proxy.egress"),
    ],
)
def test_the_page_says_what_holds_an_agent_to_its_hosts(kind: str, words: str) -> None:
    reaches = lines("Reaches", MINIMAL + "hosts: [crm.example.com]\n", egress(kind))
    assert reaches.startswith(words)
    assert "`crm.example.com` (declared)" in reaches
    assert "`api.anthropic.com` (the model's provider)" in reaches
    assert "the cluster's DNS" in reaches


def test_an_agent_without_hosts_is_not_said_to_reach_the_internet() -> None:
    text = "version: 1\ndescription: Runs.\nowner: platform\nruntime: agent-platform\n"
    reaches = lines("Reaches", text + "storage: {databases: [platform-postgres]}\n")
    assert "no public host" in reaches
    assert "every public address" not in reaches
    assert "`10.20.0.0/24` port 5432 (database platform-postgres)" in reaches


def test_secrets_are_references_with_who_else_holds_them() -> None:
    files = {
        "business/sample.yaml": MINIMAL + "secrets: {CRM_KEY: business/crm#key}\n",
        "business/other.yaml": MINIMAL + "secrets: {CRM: business/crm#key}\n",
        "business/third.yaml": MINIMAL,
    }
    opened = fleet(files)
    agent = opened.examine("agents/business/sample.yaml").resolved["prod"]
    known = [facts for path in opened.definitions for facts in opened.examine(path).facts()]
    others = other_holders(agent, known, opened.catalog)
    texts = {one.key: one.text for one in statements(agent, agent_manifests(agent), [], opened.catalog, TODAY, others)}
    assert texts["CRM_KEY=prod/business/crm#key"] == (
        "`CRM_KEY` from `prod/business/crm#key` (its own; also held by business/other)"
    )
    shared = texts["ANTHROPIC_API_KEY=prod/shared/anthropic#api-key"]
    assert "shared by the catalog: the model's provider; also held by business/other, business/third" in shared


@pytest.mark.parametrize(
    ("text", "catalog", "words"),
    [
        (MINIMAL, {}, "its API asks callers for an API key"),
        (MINIMAL + "service: {auth: {required: false}}\n", {}, "**its API is open**"),
        (
            MINIMAL
            + "service: {auth: {jwt: {issuer: https://id.example.com, audience: a, jwks_url: https://id.example.com/k}}}\n",
            {},
            "its API asks callers for an API key or a JWT",
        ),
        (CHARACTER, {}, "a token that nobody has: it is drawn anew at each start"),
        (MINIMAL + f"image: docker.io/acme/app@sha256:{'0' * 64}\n", {}, "what its image decides"),
        (CHARACTER + "secrets: {ELIZA_SERVER_AUTH_TOKEN: business/eliza#token}\n", {}, "asks callers for a token"),
    ],
)
def test_what_the_api_asks_of_callers_is_said(text: str, catalog: Overlay, words: str) -> None:
    assert words in lines("Is reached by", text, catalog)


def test_who_reaches_the_agent_is_said() -> None:
    exposed = MINIMAL + "exposure: {host: plans.example.com, path: /v1, callers: [gateway, business/other]}\n"
    reached = lines("Is reached by", exposed)
    assert "whoever reaches `https://plans.example.com/v1`" in reached
    assert "the agent business/other" in reached
    assert "Prometheus (pods of monitoring)" in reached
    assert "no encryption inside the cluster" in reached


def test_teams_with_access_to_the_pool_are_said_to_reach_it() -> None:
    assert "people" not in lines("Is reached by", MINIMAL), "no team has groups"
    groups = {"teams.yaml": "growth: {description: G., email: g@example.com, groups: [g], reviewers: '@example/g'}\n"}
    assert "people with a kubeconfig: growth looks at its objects and logs" in lines("Is reached by", MINIMAL, groups)


def test_many_callers_do_not_push_off_the_page_that_the_api_is_open() -> None:
    callers = ", ".join(f"business/a{number}" for number in range(30))
    text = f"{MINIMAL}service: {{auth: {{required: false}}}}\nexposure: {{callers: [gateway, {callers}]}}\n"
    page = as_markdown("x", said(text))
    assert "**its API is open**" in page
    assert "… and 27 more: --json has all" in page


def test_an_open_api_on_a_public_host_is_a_place_where_strangers_speak() -> None:
    exposed = MINIMAL + "exposure: {host: plans.example.com}\n"
    assert "no channel" in lines("Hears strangers on", exposed)
    opened = exposed + "service: {auth: {required: false}}\n"
    assert "`https://plans.example.com/`: whoever calls it" in lines("Hears strangers on", opened)
    assert "telegram: whoever finds it there" in lines("Hears strangers on", CHARACTER + "channels: {telegram: {}}\n")


def test_a_budget_is_the_most_that_can_be_spent() -> None:
    shared = MINIMAL + "storage: {databases: [platform-redis]}\nbudget: {cost_per_day: 25}\n"
    assert lines("Could spend", shared).startswith("at most 25 USD a day, 775 a month (its budget;")


def test_a_budget_that_each_pod_counts_alone_is_multiplied() -> None:
    alone = lines("Could spend", MINIMAL + "scaling: {min: 2, max: 4}\nbudget: {cost_per_day: 25}\n")
    assert alone.startswith("at most 100 USD a day, 3,100 a month")
    assert "each of 4 pods counts alone, since it holds no REDIS_URL" in alone


@pytest.mark.parametrize(
    ("budget", "words"),
    [("12.5", "12.50 USD"), ("0.001", "0.01 USD"), ("1500.2", "1,501 USD"), ("2510000", "2.6 million")],
)
def test_an_upper_bound_is_never_rounded_down(budget: str, words: str) -> None:
    held = f"{MINIMAL}storage: {{databases: [platform-redis]}}\nbudget: {{cost_per_day: {budget}}}\n"
    assert lines("Could spend", held).startswith(f"at most {words}")


def test_a_budget_in_tokens_is_said_at_the_dearer_price() -> None:
    text = MINIMAL + "scaling: {min: 1, max: 1}\nbudget: {tokens_per_day: 2000000}\n"
    assert lines("Could spend", text).startswith("at most 30 USD a day"), "two million tokens out at 15 a million"


def test_without_a_budget_the_limits_bound_what_can_be_spent() -> None:
    text = MINIMAL.replace("claude-sonnet-4-5}", "claude-sonnet-4-5, max_tokens: 1000}") + (
        "scaling: {min: 1, max: 1}\n"
        "service: {limits: {requests_per_minute_total: 10, max_body_bytes: 2000}, timeouts: {attempts: 1}}\n"
    )
    # 64 KiB of prompt and 2,000 of body at 3 a million, 1,000 tokens at 15 a million, ten a minute for a day.
    day = ((65_536 + 2000) * 3 + 1000 * 15) / 1e6 * 10 * 1440
    assert lines("Could spend", text).startswith(f"**it has no budget**: at most {ceil(day):,} USD a day")


def test_a_budget_that_its_runtime_does_not_enforce_is_said_to_be_none() -> None:
    spends = lines("Could spend", CHARACTER + "budget: {cost_per_day: 12.5}\n")
    assert spends.startswith("**no limit**")
    assert "nothing enforces the budget" in spends


def test_of_an_image_of_somebody_elses_no_check_and_no_limit_is_claimed() -> None:
    own = MINIMAL + f"image: docker.io/acme/app@sha256:{'0' * 64}\nbudget: {{cost_per_day: 5}}\n"
    assert lines("Could spend", own).startswith("**no limit** (nobody knows that its own image counts")
    assert "**none of Roster's**: its own image" in lines("Safety checks", own)


def test_what_the_service_does_with_nothing_said_is_what_the_page_believes() -> None:
    code = """
import json
from agent.settings import ServiceSettings as S
s = S()
print(json.dumps([s.limits.requests_per_minute_total, s.limits.max_body_bytes, s.limits.redis, s.timeouts.attempts,
                  s.auth.required, s.auth.api_keys,
                  {k: getattr(s.safety, k) for k in ("pii", "injection", "moderation", "output")}]))
"""
    folder = TOP / "components/images/fastapi"
    done = subprocess.run([runtime_python(), "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    believed = [SERVICE_RATE, SERVICE_BODY_BYTES, SERVICE_REDIS, SERVICE_ATTEMPTS, True, "API_KEYS", SAFETY_DEFAULTS]
    assert json.loads(done.stdout) == believed


def test_safety_checks_that_are_off_or_only_log_are_said() -> None:
    checks = lines("Safety checks", MINIMAL + "service: {safety: {injection: block, output: mask}}\n")
    assert checks == "off: moderation\nonly logged, nothing is stopped: personal data in tasks"
    assert "**none of Roster's**" in lines("Safety checks", CHARACTER)


WAIVED = {
    "waivers/platform.yaml": (
        "rule: image-pinned\nscope: [business/sample]\nreason: Its makers publish no digest.\n"
        'owner: platform\nexpires: "2026-12-31"\n'
    )
}
READY = "version: 1\ndescription: Runs.\nowner: platform\nruntime: agent-platform\n"


def test_a_waived_rule_and_its_last_day_are_said_and_a_broken_one_too() -> None:
    assert "**image-pinned is waived** until 2026-12-31 by platform" in lines("Policies", READY, WAIVED)
    assert "**image-pinned is broken**" in lines("Policies", READY)


def test_waived_checks_of_other_scanners_are_one_line_and_each_is_compared() -> None:
    foreign = {
        f"waivers/c{number}.yaml": WAIVED["waivers/platform.yaml"].replace("image-pinned", f"checkov/CKV_K8S_{number}")
        for number in range(1, 6)
    }
    found = said(READY, foreign)
    text = "\n".join(one.text for one in found if one.topic == "Policies" and one.text)
    assert "waived of other scanners: checkov/CKV_K8S_1, checkov/CKV_K8S_2, checkov/CKV_K8S_3 and 2 more" in text
    assert differences(said(READY), found) == [
        f"rule checkov/CKV_K8S_{number} is waived until 2026-12-31 (`agents/catalog/waivers/c{number}.yaml`)"
        for number in range(1, 6)
    ]


def test_an_ended_waiver_no_longer_counts() -> None:
    foreign = {"waivers/c.yaml": WAIVED["waivers/platform.yaml"].replace("image-pinned", "checkov/CKV_K8S_14")}
    assert not any("checkov" in one.key for one in said(READY, foreign, today="2026-12-31"))
    ended = "\n".join(one.text for one in said(READY, WAIVED, today="2026-12-31") if one.topic == "Policies")
    assert "image-pinned is broken" in ended
    assert "waived" not in ended


def record(more: str) -> Overlay:
    """What is recorded of a ready image's copy, and the exception for one of its findings."""
    copy = mirrored("docker.io/intelgraph/agent-platform:1.0.0", fleet({}).catalog.settings.registry)
    image = f"""\
image: docker.io/intelgraph/agent-platform:1.0.0
repository: {copy}
digest: sha256:{"0" * 64}
scan:
  scanner: grype 0.110.0
  database: '2026-11-20'
  critical: 1
  high: 0
  medium: 0
  low: 0
{more}"""
    exception = """\
vulnerability: CVE-2026-12345
package: openssl
images: [image:docker.io/intelgraph/agent-platform]
reason: No certificate of strangers is read.
owner: platform
created: '2026-11-01'
expires: '2026-12-15'
"""
    return {"images/app.yaml": image, "exceptions/openssl.yaml": exception}


EXCEPTED = (
    "  excepted:\n  - vulnerability: CVE-2026-12345\n    package: openssl\n    version: 3.0.11\n"
    "    exception: agents/catalog/exceptions/openssl.yaml\n    findings: 1\n"
)


def test_excepted_vulnerabilities_scan_and_signature_of_the_image_are_said() -> None:
    image = lines("Image", READY, record(EXCEPTED + f"signature: sha256:{'1' * 64}\n"))
    assert "CVE-2026-12345 in openssl 3.0.11 is excepted until 2026-12-15" in image
    assert "scanned by grype 0.110.0, database of 2026-11-20: 1 critical, 0 high" in image
    assert "not recorded" not in image
    assert "\nsigned" in image
    unsigned = lines("Image", READY)
    assert "**a tag, not a digest**" in unsigned
    assert "**not recorded**" in unsigned
    assert "**not signed**" in unsigned


def test_what_weakens_the_pod_is_read_from_the_objects_and_not_from_promises() -> None:
    opened = fleet({"business/sample.yaml": MINIMAL})
    agent = opened.examine("agents/business/sample.yaml").resolved["prod"]
    manifests = agent_manifests(agent)
    pod = next(one for one in manifests if one["kind"] == "Deployment")["spec"]["template"]["spec"]
    pod["automountServiceAccountToken"] = True
    pod["hostNetwork"] = True
    pod["securityContext"]["runAsUser"] = 0
    pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] = False
    text = as_markdown("x", statements(agent, manifests, [], opened.catalog, TODAY))
    for words in ("its pods have a token", "perhaps root", "hostNetwork", "agent may write to its root file system"):
        assert words in text


@pytest.mark.parametrize(
    "identity",
    [
        "aws_role: arn:aws:iam::123456789012:role/business-agents",
        "gcp_service_account: business@agents-prod.iam.gserviceaccount.com",
        "azure_client_id: 7f9c2ba4-e88f-4ab0-9c3e-1b2d3c4d5e6f",
    ],
)
def test_an_identity_at_a_cloud_is_said(identity: str) -> None:
    assert "in the cloud" not in lines("May do in the cluster", MINIMAL)
    may = lines("May do in the cluster", f"{MINIMAL}identity: {{{identity}}}\n")
    assert f"what `{identity.split(': ')[1]}` may" in may
    assert "nothing: its pods have no ServiceAccount token" in may


def test_a_suspended_agents_page_still_says_what_it_could_do() -> None:
    reaches = lines("Reaches", MINIMAL + "suspended: true\nhosts: [crm.example.com]\n")
    assert "**nothing while it is suspended** by the agent; otherwise:" in reaches
    assert "`crm.example.com`" in reaches, "or a host added meanwhile would go unseen"


def test_the_page_has_its_order_and_stays_short_however_much_an_agent_may() -> None:
    hosts = ", ".join(f"h{number}.example.com" for number in range(60))
    secrets = ", ".join(f"KEY_{number}: business/k{number}#key" for number in range(60))
    callers = ", ".join(f"business/a{number}" for number in range(30))
    text = CHARACTER + (
        f"hosts: [{hosts}]\nsecrets: {{{secrets}}}\nexposure: {{host: x.example.com, callers: [gateway, {callers}]}}\n"
        "channels: {telegram: {}, discord: {}, twitter: {}, webhook: {}}\n"
        "storage: {databases: [agents-postgres, platform-redis]}\n"
    )
    page = as_markdown("x", said(text), "main", [f"can now reach {number}" for number in range(50)])
    assert len(page.splitlines()) <= 75
    assert len(as_markdown("x", said(text)).splitlines()) <= 60
    assert page.count("more: --json has all") >= 3, "what is left out is said to be"
    topics = [line for line in page.splitlines() if line.startswith("- **")]
    assert [line.removeprefix("- **").partition("**")[0] for line in topics] == list(TOPICS)


def test_differences_say_a_unit_once_and_nothing_when_nothing_differs() -> None:
    before = Statement("t", "spend", "x", "25 USD a day", changed="could spend {}")
    after = Statement("t", "spend", "y", "250 USD a day", changed="could spend {}")
    free = Statement("t", "spend", "y", "no limit", changed="could spend {}")
    assert differences([before], [after]) == ["could spend 25 → 250 USD a day"]
    assert differences([before], [free]) == ["could spend 25 USD a day → no limit"]
    assert differences([after], [after]) == []


def test_statements_survive_the_way_through_json_and_a_field_that_nobody_knows() -> None:
    one = Statement("t", "k", "text", "v", "g", "l", "c {}")
    assert from_json(json.loads(json.dumps([{**one.as_json(), "later": 1}]))) == (one,)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A small fleet, committed."""
    write_fleet(tmp_path)
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "x")
    return tmp_path


def test_the_command_prints_the_page_of_the_last_environment(repository: Path) -> None:
    done = roster(repository, "threat", "writer")
    assert done.returncode == 0
    assert done.stdout.startswith("# What sales/writer could do in prod\n")
    assert "also held by chat/herald, sales/asker" in done.stdout


def test_the_command_says_what_differs_from_a_commit(repository: Path) -> None:
    file = repository / "agents/sales/writer.yaml"
    file.write_text(WRITER.replace("crm.example.com", "mail.example.com"), "utf-8")
    done = roster(repository, "threat", "sales/writer", "-e", "dev", "--base", "HEAD")
    assert "Since `HEAD`:" in done.stdout
    assert "- can now reach `mail.example.com` (declared)\n" in done.stdout
    assert "- no longer reaches `crm.example.com`\n" in done.stdout
    same = roster(repository, "threat", "asker", "--base", "HEAD")
    assert "Nothing here differs from `HEAD`." in same.stdout


def test_the_json_has_every_statement(repository: Path) -> None:
    done = json.loads(roster(repository, "threat", "writer", "--json").stdout)
    assert done["environment"] == "prod"
    assert {one["topic"] for one in done["statements"]} == set(TOPICS)
    assert "changes" not in done


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("nobody",), 2, "there is no agent 'nobody'"),
        (("herald", "-e", "dev"), 2, "does not run in dev"),
        (("writer", "--base", "no-such-branch"), 2, "no-such-branch"),
    ],
)
def test_a_page_that_cannot_be_made_says_why(
    repository: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = roster(repository, "threat", *arguments)
    assert done.returncode == code
    assert words in done.stdout + done.stderr


def test_a_broken_definition_gets_its_findings(repository: Path) -> None:
    (repository / "agents/sales/writer.yaml").write_text(FILES["agents/sales/writer.yaml"] + "nonsense: 1\n", "utf-8")
    done = roster(repository, "threat", "writer")
    assert done.returncode == 1
    assert "nonsense" in done.stdout
