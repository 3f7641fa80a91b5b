"""Scores a lead from 0 to 100: by rules where they decide, by the model in between. Standard library only."""

import http.client
import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

AGENT = os.environ.get("AGENT_ID", "lead-scorer")
SECRETS = Path(os.environ.get("AGENT_SECRETS", "/etc/agent-secrets"))
SURE_NO, SURE_YES = 25, 75
QUESTION = "Score this sales lead from 0 to 100. Answer with the number only.\n"
COUNTS = {"requests": 0, "errors": 0, "tokens_used": 0}
LOCK = threading.Lock()


def count(name, amount=1):
    """Add to a counter; requests are served by many threads."""
    with LOCK:
        COUNTS[name] += amount


def rules(lead):
    """Points for what sales has learned to look at."""
    points = 40
    points += 25 if lead.get("employees", 0) >= 50 else -10
    points += 20 if lead.get("asked_for_price") else 0
    points -= 30 if lead.get("free_mail") else 0
    return max(0, min(100, points))


def ask_model(lead):
    """The model's own score; None when its answer is not a number."""
    body = {
        "model": os.environ["CLAUDE_MODEL"],
        "max_tokens": int(os.environ.get("MAX_TOKENS", "300")),
        "temperature": float(os.environ.get("TEMPERATURE", "0")),
        "messages": [{"role": "user", "content": QUESTION + json.dumps(lead)}],
    }
    headers = {
        "x-api-key": (SECRETS / "ANTHROPIC_API_KEY").read_text("utf-8").strip(),
        "anthropic-version": "2023-06-01",
        "content-type": "application/json",
    }
    connection = http.client.HTTPSConnection("api.anthropic.com", timeout=30)
    try:
        connection.request("POST", "/v1/messages", json.dumps(body), headers)
        response = connection.getresponse()
        if response.status != http.client.OK:
            raise OSError(f"the model answered with {response.status}")
        answer = json.load(response)
    finally:
        connection.close()
    count("tokens_used", sum(answer["usage"][part] for part in ("input_tokens", "output_tokens")))
    text = answer["content"][0]["text"].strip()
    return int(text) if text.isdigit() else None


def score(lead):
    """The lead's score, and who decided."""
    points = rules(lead)
    if SURE_NO < points < SURE_YES:
        asked = ask_model(lead)
        if asked is not None:
            return min(100, asked), "model"
    return points, "rules"


class Handler(BaseHTTPRequestHandler):
    """Health, metrics and the one task."""

    def do_GET(self):
        """Health and metrics."""
        if self.path == "/metrics":
            lines = [f'agent_{name}_total{{agent_id="{AGENT}"}} {value}' for name, value in COUNTS.items()]
            self.answer(200, "\n".join(lines) + "\n", "text/plain; version=0.0.4")
        elif self.path in ("/health", "/health/ready"):
            self.answer(200, json.dumps({"status": "healthy", "agent_id": AGENT}))
        else:
            self.fail(404, "NOT_FOUND", "there is nothing here")

    def do_POST(self):
        """`{"context": {lead}}` gives `{"result": score, "metadata": …}`."""
        started = time.monotonic()
        count("requests")
        try:
            lead = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))["context"]
            result, by = score(lead)
        except (ValueError, KeyError, TypeError, AttributeError):
            count("errors")
            self.fail(400, "INVALID_REQUEST", "context must be a lead")
        except OSError:
            count("errors")
            self.fail(502, "MODEL_UNAVAILABLE", "the model did not answer")
        else:
            spent = round((time.monotonic() - started) * 1000, 2)
            metadata = {"agent_id": AGENT, "decided_by": by}
            self.answer(200, json.dumps({"result": result, "metadata": metadata, "processing_time_ms": spent}))

    def fail(self, status, code, message):
        """An error in the form that all agents use."""
        self.answer(status, json.dumps({"error": {"code": code, "message": message, "details": {}}}))

    def answer(self, status, text, kind="application/json"):
        """Send a whole response."""
        body = text.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        """Nothing: the gateway logs requests."""


if __name__ == "__main__":
    metrics = ThreadingHTTPServer(("", int(os.environ.get("METRICS_PORT", "9090"))), Handler)
    threading.Thread(target=metrics.serve_forever, daemon=True).start()
    ThreadingHTTPServer(("", int(os.environ.get("PORT", "8080"))), Handler).serve_forever()
