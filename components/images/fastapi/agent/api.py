"""The FastAPI application: the endpoints, their description, and the errors of the framework in the service's form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Route

from agent.asgi import App
from agent.drain import Drain
from agent.errors import ApiError, Code
from agent.exchange import KEY, Answering, Exchange
from agent.live import Live
from agent.metrics import CONTENT_TYPE, Metrics
from agent.task import Task

EXECUTE = "/api/v1/execute"
FRAMEWORK = {
    404: (Code.NOT_FOUND, "There is nothing here."),
    405: (Code.METHOD_NOT_ALLOWED, "Another method is needed."),
}


class TokensUsed(BaseModel):
    """What the provider counted."""

    input: int
    output: int


class Result(BaseModel):
    """The answer to a task."""

    agent_id: str
    result: str
    model: str
    stop_reason: str
    tokens_used: TokensUsed
    processing_seconds: float
    request_id: str


def api(execute: App, live: Live, metrics: Metrics, drain: Drain, lifespan: Any) -> FastAPI:
    """The application without its outermost layer."""
    app = FastAPI(
        title="Agent",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
        telemetry={"tracing": False},
    )
    # Not through FastAPI's request handling: the endpoint refuses before it reads a body, and notices who goes away.
    app.router.routes.append(Route(EXECUTE, endpoint=Answering(execute), methods=["POST"], include_in_schema=False))

    @app.get("/health", summary="Whether the process lives")
    async def health() -> dict[str, str]:
        return {"status": "healthy", "agent_id": metrics.agent}

    @app.get("/health/ready", summary="Whether requests can be answered", responses={503: {"description": "Not now"}})
    async def ready(response: Response) -> dict[str, Any]:
        reasons = _reasons(live, drain)
        response.status_code = 503 if reasons else 200
        return {"status": "not ready" if reasons else "ready", "agent_id": metrics.agent, "reasons": reasons}

    @app.get("/metrics", summary="Prometheus' text format", response_class=Response)
    async def scraped() -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        code, message = FRAMEWORK.get(error.status_code, (Code.INVALID_REQUEST, "This is refused."))
        return _as_response(request, ApiError(code, message, status=error.status_code), error.headers)

    @app.exception_handler(Exception)
    async def failed(request: Request, _: Exception) -> Response:
        return _as_response(
            request, ApiError(Code.INTERNAL, "The service failed; its log has more, by the request id.")
        )

    app.openapi = lambda: _described(app)  # type: ignore[method-assign]
    return app


def _as_response(request: Request, error: ApiError, headers: Mapping[str, str] | None = None) -> Response:
    exchange: Exchange = request.scope[KEY]
    exchange.failed(error)
    return Response(error.json(), error.status, dict(headers or {}), "application/json")


def _reasons(live: Live, drain: Drain) -> list[str]:
    reasons = ["draining"] if drain.begun else []
    if live.current is None:
        return [*reasons, f"the config cannot be used: {live.broken or 'not read yet'}"]
    return reasons + live.current.problems()


def _described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with the endpoint that FastAPI does not handle."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version="1", routes=app.routes)
        document["paths"][EXECUTE] = {
            "post": {
                "summary": "Have a task done",
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": Task.model_json_schema()}},
                },
                "responses": {
                    "200": {
                        "description": "The answer",
                        "content": {
                            "application/json": {"schema": Result.model_json_schema()},
                            "text/event-stream": {"schema": {"type": "string"}},
                        },
                    },
                    "default": {"description": "An error", "content": {"application/json": {"schema": ERROR_SCHEMA}}},
                },
            }
        }
        app.openapi_schema = document
    return app.openapi_schema


ERROR_SCHEMA = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "code": {"enum": [code.name for code in Code]},
                "message": {"type": "string"},
                "details": {"type": "object"},
            },
            "required": ["code", "message", "details"],
        }
    },
    "required": ["error"],
}
