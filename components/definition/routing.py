"""The catalog's `monitoring.routing`, and how a team is reached: who is told of an alert, how, and when."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from components.definition.fields import SECRET_REF_PATTERN, Closed, MountPath, Name

MAIL_PATTERN = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
CHANNEL_PATTERN = r"^#[a-z0-9_-]+$"
_WEBHOOK_PATTERN = r"^https?://[^\s{}]+$"
_ALIVE_PATTERN = r"^https?://[^\s{}]+(\{environment\}[^\s{}]*)*$"
_SMARTHOST_PATTERN = r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?:[1-9][0-9]{0,4}$"


def _reference(value: Any) -> Any:
    # A message of its own: the usual one shows the value, and what stands here by mistake is a credential.
    if not isinstance(value, str) or not re.fullmatch(SECRET_REF_PATTERN, value):
        raise PydanticCustomError(
            "secret_reference",
            "the value is not a reference path#key into the secret store, such as sales/crm#api-key (never a value)",
        )
    return value


def _contact(value: Any) -> Any:
    if not isinstance(value, str) or not (re.fullmatch(MAIL_PATTERN, value) or re.fullmatch(SECRET_REF_PATTERN, value)):
        raise PydanticCustomError(
            "contact",
            "the value is neither a mail address nor a reference path#key to a key of PagerDuty's, "
            "such as growth/pagerduty#oncall (never a key)",
        )
    return value


def _webhook(value: str) -> str:
    if not re.fullmatch(_WEBHOOK_PATTERN, value):
        raise ValueError("an address that starts with http:// or https://, such as https://alerts.example.com/log")
    return value


def _alive(value: str) -> str:
    if not re.fullmatch(_ALIVE_PATTERN, value):
        raise ValueError("an http:// or https:// address in which only {environment} may stand in braces")
    return value


def _smarthost(value: str) -> str:
    if not re.fullmatch(_SMARTHOST_PATTERN, value) or int(value.rpartition(":")[2]) > 65535:
        raise ValueError("a mail server is named with its port, such as smtp.example.com:587")
    return value


Mail = Annotated[str, Field(pattern=MAIL_PATTERN, max_length=254)]
Channel = Annotated[str, Field(pattern=CHANNEL_PATTERN, max_length=80)]
AlertSecret = Annotated[
    str, BeforeValidator(_reference), Field(max_length=500, json_schema_extra={"pattern": SECRET_REF_PATTERN})
]
# A mail address, or a reference to a key of PagerDuty's.
Contact = Annotated[
    str,
    BeforeValidator(_contact),
    Field(max_length=500, json_schema_extra={"pattern": f"{MAIL_PATTERN}|{SECRET_REF_PATTERN}"}),
]
Webhook = Annotated[
    str, AfterValidator(_webhook), Field(max_length=300, json_schema_extra={"pattern": _WEBHOOK_PATTERN})
]
AliveWebhook = Annotated[
    str, AfterValidator(_alive), Field(max_length=300, json_schema_extra={"pattern": _ALIVE_PATTERN})
]
Smarthost = Annotated[
    str, AfterValidator(_smarthost), Field(max_length=260, json_schema_extra={"pattern": _SMARTHOST_PATTERN})
]


class SlackRouting(Closed):
    """How Slack is reached, and its channels for all."""

    secret: AlertSecret = Field(
        description="The key that holds a webhook's address, or a bot's token.", examples=["shared/alerting#slack"]
    )
    kind: Literal["webhook", "token"] = Field(
        "webhook",
        description="What the secret is. A token, or a webhook of Slack's old kind, reaches more than one channel.",
        examples=["token"],
    )
    api: Webhook = Field(
        "https://slack.com/api/chat.postMessage",
        description="Where a token is used.",
        examples=["https://slack.com/api/chat.postMessage"],
    )
    critical: Channel = Field(
        "#critical", description="Where critical alerts go, besides the team's own channel.", examples=["#critical"]
    )
    warning: Channel = Field(
        "#alerts", description="Where warnings go, besides the team's own channel.", examples=["#alerts"]
    )


class SmtpRouting(Closed):
    """The mail server that alerts are sent through."""

    smarthost: Smarthost = Field(description="The server and its port.", examples=["smtp.example.com:587"])
    sender: Mail = Field(description="Whom mails are from.", examples=["alerts@example.com"])
    username: Annotated[str, Field(min_length=1, max_length=254)] | None = Field(
        None, description="Who logs in; nobody does with none.", examples=["alerts"]
    )
    password: AlertSecret | None = Field(
        None, description="The key that holds the password.", examples=["shared/alerting#smtp"]
    )
    require_tls: bool = Field(
        True, description="false sends unencrypted where the server offers nothing else.", examples=[True]
    )


class RepeatHours(Closed):
    """After how many hours an alert that still fires is told again."""

    critical: int = Field(1, description="Critical alerts, and those that were escalated.", ge=1, le=96, examples=[1])
    warning: int = Field(12, description="Warnings.", ge=1, le=96, examples=[12])
    info: int = Field(24, description="What is only recorded.", ge=1, le=96, examples=[24])


class Routing(Closed):
    """Who is told of an alert, how and when. Teams say by themselves where they are reached."""

    form: Literal["operator", "file", "none"] = Field(
        description="An AlertmanagerConfig for the Prometheus operator, Alertmanager's own file, or none.",
        examples=["operator"],
    )
    slack: SlackRouting | None = Field(
        None, description="How Slack is reached; not at all with none.", examples=[{"secret": "shared/alerting#slack"}]
    )
    smtp: SmtpRouting | None = Field(
        None,
        description="How mail is sent; none is with none.",
        examples=[{"smarthost": "smtp.example.com:587", "sender": "alerts@example.com"}],
    )
    pagerduty_url: Webhook | None = Field(
        None,
        description="PagerDuty's address where it is not the usual one.",
        examples=["https://events.eu.pagerduty.com/v2/enqueue"],
    )
    log: Webhook | None = Field(
        None,
        description="Records what nobody is told: info, and all of silenced environments.",
        examples=["https://alerts.example.com/log"],
    )
    dead_mans_switch: AliveWebhook | None = Field(
        None,
        description="Called every minute as long as alerts get through; {environment} stands for the environment.",
        examples=["https://alive.example.com/roster-{environment}"],
    )
    silenced: list[Name] = Field(
        [], description="Environments of which nobody is told; their alerts are recorded only.", examples=[["dev"]]
    )
    page_seconds: int = Field(
        5, description="A critical alert waits so long for others of its group.", ge=1, le=300, examples=[5]
    )
    warning_minutes: int = Field(
        5, description="A warning must last so long before a team is told.", ge=1, le=120, examples=[5]
    )
    escalation_minutes: int = Field(
        15,
        description="A critical alert that is not silenced by then goes to the manager, and to on-call as much later.",
        examples=[15],
        ge=1,
        le=240,
    )
    repeat_hours: RepeatHours = Field(
        default_factory=lambda: RepeatHours.model_validate({}),
        description="When it is told again.",
        examples=[{"critical": 1}],
    )
    secrets_folder: MountPath = Field(
        "/etc/alertmanager/secrets/roster-alerting",
        description="Where Alertmanager has the Secret mounted; for the form file.",
        examples=["/etc/alertmanager/secrets/roster-alerting"],
    )
