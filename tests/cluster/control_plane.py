"""A Kubernetes control plane of its own: etcd, API server, controllers, scheduler, and kwok's pretended nodes."""

from __future__ import annotations

import base64
import json
import secrets
import ssl
import subprocess
from collections.abc import Iterable
from pathlib import Path

import yaml
from api import Api, Manifest, wait_until
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from processes import Service, free_ports

TOP = Path(__file__).parents[2]
TOOLS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
# kwok has none of its own.
STAGES = ("node/fast", "node/heartbeat-with-lease", "pod/fast")
NODES = 6
NODE_SIZE = {"cpu": "1000", "memory": "4000Gi", "pods": "1000", "ephemeral-storage": "4000Gi"}


def tools() -> dict[str, Path]:
    """The programs of a control plane: name → path. Builds those that are missing, which takes minutes."""
    command = ["bash", str(TOP / "ci/go_tools.sh"), *TOOLS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600, check=False)
    assert done.returncode == 0, done.stderr
    return dict(zip(TOOLS, map(Path, done.stdout.split()), strict=True))


def stage_files(folder: Path) -> list[Path]:
    """What kwok's pods and nodes do, from its own module and from `stages/`; `folder` lies outside any Go module.

    A pod whose image has one of the names of `stages/` in it (`crash-loops` and so on) does that; all others get ready.
    """
    lines = (TOP / "ci/go-tools.txt").read_text("utf-8").splitlines()
    module = next(line.split()[1] for line in lines if line.startswith("kwok ")).replace("/cmd/kwok@", "@")
    command = ["go", "mod", "download", "-json", module]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=True)
    top = Path(json.loads(done.stdout)["Dir"]) / "kustomize/stage"
    own = sorted((Path(__file__).parent / "stages").glob("*.yaml"))
    files = [file for name in STAGES for file in sorted((top / name).glob("*.yaml")) if file.stem != "kustomization"]
    return [*own, *(_without(file, [one.stem for one in own], folder) for file in files)]


def _without(stage: Path, images: list[str], folder: Path) -> Path:
    """The stage by which pods get ready, for all images but these; any other stage as it is."""
    if stage.stem != "pod-ready":
        return stage
    content = yaml.safe_load(stage.read_text("utf-8"))
    named = f'.spec.containers.[] | select( .image | test("{"|".join(images)}") ) | .name'
    content["spec"]["selector"]["matchExpressions"].append({"key": named, "operator": "DoesNotExist"})
    changed = folder / stage.name
    changed.write_text(yaml.safe_dump(content), "utf-8")
    return changed


class ControlPlane:
    """Everything of it lies below `folder`; all contexts of its kubeconfig mean this one cluster."""

    def __init__(self, folder: Path, contexts: Iterable[str]) -> None:
        self.folder = folder
        self.kubeconfig = folder / "kubeconfig"
        self.contexts = [*contexts]
        self.token = secrets.token_hex(16)
        self._ports = dict(zip(("etcd", "peers", "api", "controllers", "scheduler"), free_ports(5), strict=True))
        self.server = f"https://127.0.0.1:{self._ports['api']}"
        self._write_credentials()
        self._etcd, self._api_server, *self._others = self._services(tools())
        self.services = [self._etcd, self._api_server, *self._others]
        self._api: Api | None = None

    def start(self) -> None:
        """Returns when the API server is ready and all nodes are."""
        self._etcd.start()
        self._api_server.start()
        self._wait("the API server has a certificate", (self.folder / "certificates/apiserver.crt").exists)
        self._write_kubeconfig(self.kubeconfig, self.server, self.authority)
        self._api = Api.of_kubeconfig(self.kubeconfig, self.contexts[0])
        self._wait("the API server is ready", lambda: self.api.get("/readyz") == "ok")
        for other in self._others:
            other.start()
        for number in range(NODES):
            self.api.create(_node(number))
        self._wait("all nodes are ready", lambda: all(map(_usable, self.api.items("/api/v1/nodes"))))

    def stop(self) -> None:
        """Kills everything."""
        for service in reversed(self.services):
            service.kill()
        if self._api:
            self._api.close()

    def kill_api_server(self) -> None:
        """SIGKILL; connections break, etcd and the controllers live on."""
        self._api_server.kill()

    def start_api_server(self) -> None:
        """Starts it again after `kill_api_server`; returns when it is ready."""
        self._api_server.start()
        self._wait("the API server is ready", lambda: self.api.get("/readyz") == "ok")
        # They would ask again ever more rarely, up to a minute, and hold up whatever comes next.
        for other in self._others:
            other.kill()
            other.start()

    @property
    def api(self) -> Api:
        """The API server, as its administrator."""
        assert self._api, "not started"
        return self._api

    @property
    def authority(self) -> str:
        """The certificates by which the API server is known."""
        return (self.folder / "certificates/apiserver.crt").read_text("utf-8")

    def tls(self) -> ssl.SSLContext:
        """Knows this API server and nobody else."""
        return ssl.create_default_context(cadata=self.authority)

    def kubeconfig_of(self, server: str) -> Path:
        """A kubeconfig with the same contexts and user for another address, such as a proxy's."""
        path = self.folder / f"kubeconfig-{server.rpartition(':')[2]}"
        self._write_kubeconfig(path, server, "")
        return path

    def _wait(self, what: str, ready: object) -> None:
        try:
            wait_until(what, ready, 120)  # type: ignore[arg-type]
        except TimeoutError as error:
            words = "\n".join(one.last_words() for one in self.services if one.log.exists())
            raise TimeoutError(f"{error}\n{words}") from None

    def _write_credentials(self) -> None:
        (self.folder / "tokens.csv").write_text(f"{self.token},roster,roster,system:masters\n", "utf-8")
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        (self.folder / "accounts.key").write_bytes(private)

    def _write_kubeconfig(self, path: Path, server: str, authority: str) -> None:
        cluster = {"server": server}
        if authority:
            cluster["certificate-authority-data"] = base64.b64encode(authority.encode()).decode()
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "trial", "cluster": cluster}],
            "users": [{"name": "roster", "user": {"token": self.token}}],
            "contexts": [{"name": one, "context": {"cluster": "trial", "user": "roster"}} for one in self.contexts],
            "current-context": self.contexts[0],
        }
        path.write_text(yaml.safe_dump(config), "utf-8")

    def _services(self, paths: dict[str, Path]) -> list[Service]:
        stages = [f"--config={file}" for file in stage_files(self.folder)]
        as_admin = f"--kubeconfig={self.kubeconfig}"
        etcd, peers = (f"http://127.0.0.1:{self._ports[name]}" for name in ("etcd", "peers"))
        arguments: dict[str, list[str]] = {
            "etcd": [
                f"--data-dir={self.folder / 'etcd'}",
                f"--listen-client-urls={etcd}",
                f"--advertise-client-urls={etcd}",
                f"--listen-peer-urls={peers}",
                f"--initial-advertise-peer-urls={peers}",
                f"--initial-cluster=default={peers}",
                "--unsafe-no-fsync",
                "--log-level=warn",
            ],
            "kube-apiserver": [
                f"--etcd-servers={etcd}",
                "--bind-address=127.0.0.1",
                "--advertise-address=127.0.0.1",
                f"--secure-port={self._ports['api']}",
                f"--cert-dir={self.folder / 'certificates'}",
                "--service-cluster-ip-range=10.0.0.0/16",
                "--authorization-mode=RBAC",
                f"--token-auth-file={self.folder / 'tokens.csv'}",
                "--service-account-issuer=https://kubernetes.default.svc",
                f"--service-account-key-file={self.folder / 'accounts.key'}",
                f"--service-account-signing-key-file={self.folder / 'accounts.key'}",
                # Otherwise privileged pods are refused, but not by Pod Security.
                "--allow-privileged=true",
                "--endpoint-reconciler-type=none",
            ],
            "kube-controller-manager": [
                as_admin,
                f"--service-account-private-key-file={self.folder / 'accounts.key'}",
                "--leader-elect=false",
                "--bind-address=127.0.0.1",
                f"--secure-port={self._ports['controllers']}",
                f"--cert-dir={self.folder / 'certificates-controllers'}",
                "--concurrent-deployment-syncs=20",
                "--horizontal-pod-autoscaler-sync-period=2s",
                "--concurrent-namespace-syncs=20",
                "--kube-api-qps=200",
                "--kube-api-burst=400",
            ],
            "kube-scheduler": [
                as_admin,
                "--leader-elect=false",
                "--bind-address=127.0.0.1",
                f"--secure-port={self._ports['scheduler']}",
                f"--cert-dir={self.folder / 'certificates-scheduler'}",
            ],
            "kwok": [as_admin, "--manage-all-nodes", "--node-lease-duration-seconds=40", *stages],
        }
        return [Service(self.folder, [paths[name], *arguments[name]]) for name in TOOLS]


def _node(number: int) -> Manifest:
    name = f"node-{number}"
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/zone": f"zone-{number % 3}",
    }
    # kwok reports what the node says that it has.
    status = {"allocatable": NODE_SIZE, "capacity": NODE_SIZE}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}, "status": status}


def _usable(node: Manifest) -> bool:
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in node["status"].get("conditions", []))
    return ready and not node["spec"].get("taints")
