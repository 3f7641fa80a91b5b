"""The elizaOS character, as strict as `validateCharacter` of @elizaos/core 1.7.2; a test holds the two together."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter
from pydantic_core import PydanticCustomError

from components.definition.fields import Closed
from components.definition.findings import show

_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_TEXTS = TypeAdapter(list[str], config=ConfigDict(strict=True, defer_build=True))


def _refuse(message: str, value: Any) -> PydanticCustomError:
    return PydanticCustomError("character", "{given} {message}", {"given": show(value), "message": message})


def _uuid(value: str) -> str:
    if not _UUID.fullmatch(value):
        raise _refuse("is not a UUID, such as 3f2b8c1e-5d4a-4b6f-9e7d-2a1c0b9d8e7f", value)
    return value


def _text_or_texts(value: Any) -> Any:
    if isinstance(value, list):
        return _TEXTS.validate_python(value)
    if not isinstance(value, str):
        raise _refuse("is neither text nor a list of texts", value)
    return value


def _setting(value: Any) -> Any:
    if value is None:
        raise _refuse("is not allowed; leave the key out", value)
    return value


def _knowledge_item(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and isinstance(value.get("shared", False), bool):
        named = value.get("path"), value.get("directory")
        if any(isinstance(one, str) for one in named):
            return value
    raise _refuse("is none of: text, {path: …, shared: …}, {directory: …, shared: …}", value)


Uuid = Annotated[str, AfterValidator(_uuid)]
Texts = list[str]


class Tolerant(BaseModel):
    """A mapping in which elizaOS drops keys that it does not know."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, defer_build=True)


class Media(Tolerant):
    """Something attached to a message."""

    id: str
    url: str
    title: str = ""
    source: str = ""
    description: str = ""
    text: str = ""
    contentType: Literal["image", "video", "audio", "document", "link"] = "link"  # noqa: N815 - elizaOS's own key


class Content(Tolerant):
    """What somebody says. More keys may stand here: actions have parameters of their own."""

    text: str = ""
    thought: str = ""
    actions: Texts = []
    providers: Texts = []
    source: str = ""
    target: str = ""
    url: str = ""
    inReplyTo: Uuid = ""  # noqa: N815 - elizaOS's own key
    attachments: list[Media] = []
    channelType: Literal[  # noqa: N815 - elizaOS's own key
        "SELF", "DM", "GROUP", "VOICE_DM", "VOICE_GROUP", "FEED", "THREAD", "WORLD", "FORUM", "API"
    ] = "DM"


class MessageExample(Tolerant):
    """One turn of an example conversation."""

    name: str
    content: Content


class Style(Tolerant):
    """How it writes."""

    all: Texts = []
    chat: Texts = []
    post: Texts = []


class ElizaCharacter(Closed):
    """Who an Eliza agent is. A key may be left out; none may be null."""

    name: Annotated[str, Field(min_length=1)]
    bio: Annotated[str | Texts, BeforeValidator(_text_or_texts)]
    id: Uuid = ""
    username: str = ""
    system: str = ""
    templates: dict[str, str] = {}
    messageExamples: list[list[MessageExample]] = []  # noqa: N815 - elizaOS's own key
    postExamples: Texts = []  # noqa: N815 - elizaOS's own key
    topics: Texts = []
    adjectives: Texts = []
    knowledge: list[Annotated[Any, BeforeValidator(_knowledge_item)]] = []
    plugins: Texts = []
    settings: dict[str, Annotated[Any, BeforeValidator(_setting)]] = {}
    # elizaOS takes values here; `character_findings` refuses them all.
    secrets: dict[str, Any] = {}
    style: Style = Style.model_construct()
