"""What the service is held against: a FastAPI application that makes the same SDK call, and does nothing else.

MODEL_URL=http://127.0.0.1:PORT python bench/bare_app.py PORT
"""

from __future__ import annotations

import os
import sys
from typing import Any

import anthropic  # type: ignore[import-not-found, unused-ignore]
import uvicorn  # type: ignore[import-not-found, unused-ignore]
from fastapi import FastAPI  # type: ignore[import-not-found, unused-ignore]
from pydantic import BaseModel

MODEL, MAX_TOKENS, TEMPERATURE, SYSTEM = "claude-sonnet-4-5", 4096, 0.7, "You answer questions."

app = FastAPI()
model = anthropic.AsyncAnthropic(api_key="sk-bench", base_url=os.environ.get("MODEL_URL"))


class Task(BaseModel):
    """What is asked."""

    task_description: str
    context: dict[str, Any] | None = None


@app.post("/api/v1/execute")  # type: ignore[untyped-decorator, unused-ignore]
async def execute(task: Task) -> dict[str, Any]:
    """Asks the model."""
    message = await model.messages.create(
        model=MODEL,
        max_tokens=MAX_TOKENS,
        system=SYSTEM,
        messages=[{"role": "user", "content": task.task_description}],
        extra_body={"temperature": TEMPERATURE},
        extra_headers={"anthropic-version": "2023-06-01"},
    )
    tokens = {"input": message.usage.input_tokens, "output": message.usage.output_tokens}
    return {"result": message.content[0].text, "model": message.model, "tokens_used": tokens}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), loop="uvloop", access_log=False, log_level="warning")
