"""What a caller sends: read within limits of size and time, checked, and refused with the field that is wrong."""

from __future__ import annotations

import asyncio
import math
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from agent.asgi import Receive, Scope, header
from agent.errors import ApiError, ClientGoneError, Code
from agent.settings import LimitSettings


class Task(BaseModel):
    """The body of POST /api/v1/execute."""

    model_config = ConfigDict(extra="forbid", strict=True)

    task_description: str = Field(min_length=1, description="What the agent is to do.")
    context: dict[str, Any] | None = Field(default=None, description="Facts for the task; the model sees them as JSON.")
    stream: bool = Field(default=False, description="Answer as server-sent events: delta, then done or error.")

    @field_validator("context")
    @classmethod
    def _has_plain_numbers(cls, context: dict[str, Any] | None) -> dict[str, Any] | None:
        left: list[Any] = [context]
        while left:
            value = left.pop()
            if isinstance(value, dict):
                left += value.values()
            elif isinstance(value, list):
                left += value
            elif (isinstance(value, int) and not -(2**63) <= value < 2**64) or (
                isinstance(value, float) and not math.isfinite(value)
            ):
                raise PydanticCustomError("number_out_of_range", "holds a number that does not fit in 64 bits")
        return context


async def read_task(scope: Scope, receive: Receive, limits: LimitSettings) -> Task:
    """The task of a request. ApiError says what is wrong with it; ClientGoneError."""
    kind = header(scope, b"content-type").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ApiError(
            Code.UNSUPPORTED_MEDIA_TYPE,
            "The body must be JSON: Content-Type: application/json",
            {"content_type": kind[:100]},
        )
    try:
        async with asyncio.timeout(limits.idle_seconds):
            body = await _body(scope, receive, limits.max_body_bytes)
    except TimeoutError:
        raise ApiError(
            Code.REQUEST_TIMEOUT,
            f"The body did not arrive in {limits.idle_seconds:g} s.",
            headers=((b"connection", b"close"),),
        ) from None
    try:
        task = Task.model_validate_json(body)
    except ValidationError as error:
        raise _wrong(error) from None
    length = len(task.task_description)
    if length > limits.max_characters:
        raise ApiError(
            Code.TASK_TOO_LONG,
            f"The task has {length} characters; {limits.max_characters} are allowed.",
            {"field": "task_description", "length": length, "max": limits.max_characters},
        )
    if not task.task_description.strip():
        raise ApiError(
            Code.INVALID_REQUEST,
            "task_description: is empty",
            {"field": "task_description", "issue": "empty"},
            status=422,
        )
    return task


async def _body(scope: Scope, receive: Receive, largest: int) -> bytes:
    declared = header(scope, b"content-length")
    if declared.isdigit() and int(declared) > largest:
        raise _too_large(largest)
    message = await receive()
    data: bytes = message.get("body", b"")
    while message.get("more_body"):
        if len(data) > largest:
            raise _too_large(largest)
        message = await receive()
        data += message.get("body", b"")
    if message["type"] == "http.disconnect":
        raise ClientGoneError
    if len(data) > largest:
        raise _too_large(largest)
    return data


def _too_large(largest: int) -> ApiError:
    return ApiError(
        Code.BODY_TOO_LARGE,
        f"The body is larger than {largest} bytes.",
        {"max": largest},
        headers=((b"connection", b"close"),),
    )


def _wrong(error: ValidationError) -> ApiError:
    """The first fault, by field; values are left out."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return ApiError(Code.INVALID_REQUEST, "The body is not valid JSON.", {"issue": "not_json"})
    place = ".".join(str(part) for part in first["loc"])[:100]
    issue = "missing_required_field" if first["type"] == "missing" else first["type"]
    return ApiError(
        Code.INVALID_REQUEST,
        f"{place or 'The body'}: {first['msg']}",
        {"field": place, "issue": issue},
        status=422,
    )
