"""A validating webhook that refuses what it is told to refuse."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from api import Manifest
from control_plane import ControlPlane

NAME = "images.example.com"


@contextmanager
def refusing(cluster: ControlPlane, namespace: str, name: str, why: str) -> Iterator[None]:
    """While it lasts, the Deployment of that name is refused with `why`."""
    server = _server(cluster, name, why)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    configuration = _configuration(cluster, server.server_port, namespace)
    try:
        cluster.api.create(configuration)
        yield
    finally:
        cluster.api.delete(cluster.api.path(configuration))
        server.shutdown()
        thread.join()
        server.server_close()


def _server(cluster: ControlPlane, refused: str, why: str) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))["request"]
            answer: Manifest = {"uid": request["uid"], "allowed": request["name"] != refused}
            if not answer["allowed"]:
                answer["status"] = {"code": 403, "message": why}
            review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": answer}
            text = json.dumps(review).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    # The API server's own certificate is for 127.0.0.1 too.
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificates = cluster.folder / "certificates"
    tls.load_cert_chain(certificates / "apiserver.crt", certificates / "apiserver.key")
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    return server


def _configuration(cluster: ControlPlane, port: int, namespace: str) -> Manifest:
    operations = ["CREATE", "UPDATE"]
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": NAME},
        "webhooks": [
            {
                "name": NAME,
                "clientConfig": {
                    "url": f"https://127.0.0.1:{port}/",
                    "caBundle": base64.b64encode(cluster.authority.encode()).decode(),
                },
                "rules": [
                    {
                        "apiGroups": ["apps"],
                        "apiVersions": ["v1"],
                        "operations": operations,
                        "resources": ["deployments"],
                    }
                ],
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "failurePolicy": "Fail",
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
                "timeoutSeconds": 5,
            }
        ],
    }
