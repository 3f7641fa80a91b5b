"""Every error that a caller can get: its code, its HTTP status and the one form in which it is sent."""

from __future__ import annotations

from enum import Enum
from typing import Any

import orjson


class Code(Enum):
    """The `code` of an error and the HTTP status that it is sent with."""

    INVALID_REQUEST = 400
    UNAUTHORIZED = 401
    FORBIDDEN = 403
    NOT_FOUND = 404
    METHOD_NOT_ALLOWED = 405
    REQUEST_TIMEOUT = 408
    TASK_TOO_LONG = (413, "task")
    BODY_TOO_LARGE = (413, "body")
    UNSUPPORTED_MEDIA_TYPE = 415
    CONTENT_BLOCKED = 422
    RATE_LIMIT_EXCEEDED = (429, "rate")
    BUDGET_SPENT = (429, "budget")
    INTERNAL = 500
    PROVIDER_ERROR = 502
    NOT_READY = (503, "ready")
    BUSY = (503, "busy")
    SHUTTING_DOWN = (503, "drain")
    PROVIDER_REFUSED = (503, "provider")
    PROVIDER_TIMEOUT = 504

    @property
    def status(self) -> int:
        """The HTTP status."""
        value: int | tuple[int, str] = self.value
        return value if isinstance(value, int) else value[0]


class ApiError(Exception):
    """An error that the caller is told; `message` and `details` never hold a task's text or a secret."""

    def __init__(
        self,
        code: Code,
        message: str,
        details: dict[str, Any] | None = None,
        *,
        status: int | None = None,
        retry_after: int | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        """`retry_after`: seconds, sent as a header and in the details; `status`: another than the code's own."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = dict(details or {})
        self.status = status or code.status
        self.headers = headers
        if retry_after is not None:
            self.details["retry_after"] = retry_after
            self.headers = (*headers, (b"retry-after", str(retry_after).encode()))

    def body(self) -> dict[str, Any]:
        """`{"error": {"code", "message", "details"}}`."""
        return {"error": {"code": self.code.name, "message": self.message, "details": self.details}}

    def json(self) -> bytes:
        """The body as it is sent."""
        return orjson.dumps(self.body())


class ClientGoneError(Exception):
    """The caller closed the connection before the answer was there."""
