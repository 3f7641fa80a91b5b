"""What engines that are not Roster's make of rendered policies: cyclonus, network-config-analyzer, Cilium's code."""

from __future__ import annotations

import ipaddress
import json
import re
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from reach_world import Cell, Peer, World, of_kind

ROOT = Path(__file__).parents[2]
_VERDICT = re.compile(r"IS ALLOWED\?\s*\|\s*(TRUE|FALSE)", re.IGNORECASE)
_LIMIT = re.compile(r"([a-z_]+):(.+?)(?=,[a-z_]+:|}$)")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Cyclonus:
    """cyclonus: `analyze --mode query-traffic`, one process a cluster."""

    name = "cyclonus"

    def open_cells(self, worlds: Sequence[World], folder: Path) -> list[frozenset[Cell]]:
        """For each world the cells that its NetworkPolicies leave open."""
        return [self._answer(world, folder / f"{index}") for index, world in enumerate(worlds)]

    def _answer(self, world: World, folder: Path) -> frozenset[Cell]:
        folder.mkdir(parents=True)
        # It reads the first document of a file only: all policies are one document, a list.
        policies = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicyList"}
        items = [{**one, "metadata": _plain(one)} for one in of_kind(world, "NetworkPolicy")]
        (folder / "policies.yaml").write_text(json.dumps({**policies, "items": items}), "utf-8")
        traffic = [
            {
                "Source": self._peer(world, cell.source),
                "Destination": self._peer(world, cell.target),
                "ResolvedPort": cell.port,
                "Protocol": cell.protocol,
            }
            for cell in world.cells
        ]
        (folder / "traffic.json").write_text(json.dumps(traffic), "utf-8")
        command = [_cyclonus(), "analyze", "--mode", "query-traffic", "--policy-path", str(folder / "policies.yaml")]
        done = subprocess.run(
            [*command, "--traffic-path", str(folder / "traffic.json")], capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr[-2000:]
        verdicts = _VERDICT.findall(done.stdout)
        assert len(verdicts) == len(world.cells), f"{len(world.cells)} questions, {len(verdicts)} answers"
        return frozenset(cell for cell, verdict in zip(world.cells, verdicts, strict=True) if verdict.lower() == "true")

    @staticmethod
    def _peer(world: World, name: str) -> dict[str, Any]:
        peer = world.peers[name]
        if not peer.namespace:
            return {"IP": peer.address}
        inside = {
            "PodLabels": peer.labels,
            "NamespaceLabels": world.namespaces[peer.namespace],
            "Namespace": peer.namespace,
        }
        return {"Internal": inside, "IP": peer.address}


class Analyzer:
    """network-config-analyzer: the connectivity map of all worlds, in one process.

    `kinds`: of which objects; with Istio's AuthorizationPolicy it also judges by identity.
    """

    name = "network-config-analyzer"

    def __init__(self, *kinds: str) -> None:
        self.kinds = kinds or ("NetworkPolicy",)

    def open_cells(self, worlds: Sequence[World], folder: Path) -> list[frozenset[Cell]]:
        """For each world the cells that its policies leave open."""
        folder.mkdir(parents=True)
        configs, queries = [], []
        for index, world in enumerate(worlds):
            (folder / f"{index}").mkdir()
            (folder / f"{index}" / "cluster.yaml").write_text(self._cluster(world), "utf-8")
            configs.append({"name": f"c{index}", "resourceList": [str(folder / f"{index}")]})
            shown = {
                "outputFormat": "txt_no_fw_rules",
                "outputPath": str(folder / f"{index}.txt"),
                "outputEndpoints": "pods",
                "excludeIPv6Range": False,
                "connectivityFilterIstioEdges": False,
            }
            queries.append({"name": f"q{index}", "connectivityMap": [f"c{index}"], "outputConfiguration": shown})
        scheme = folder / "scheme.yaml"
        scheme.write_text(json.dumps({"networkConfigList": configs, "queries": queries}), "utf-8")
        done = subprocess.run(
            [_python(), "-m", "nca.nca_cli", "--scheme", str(scheme)], capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
        texts = [(folder / f"{index}.txt").read_text("utf-8") for index in range(len(worlds))]
        return [_read_map(world, text) for world, text in zip(worlds, texts, strict=True)]

    def _cluster(self, world: World) -> str:
        objects: list[dict[str, Any]] = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
            for name, labels in world.namespaces.items()
        ]
        objects += [_pod(peer) for peer in world.peers.values() if peer.namespace]
        for kind in self.kinds:
            objects += [{**one, "metadata": _plain(one)} for one in of_kind(world, kind)]
        return "---\n".join(json.dumps(one) + "\n" for one in objects)


class Cilium:
    """Cilium's own policy code, over NetworkPolicies and, where there are any, its own policies."""

    name = "Cilium"

    def open_cells(self, worlds: Sequence[World], folder: Path) -> list[frozenset[Cell]]:
        """For each world the cells that its policies leave open."""
        return [self._answer(world) for world in worlds]

    def _answer(self, world: World) -> frozenset[Cell]:
        peers = [
            {
                "name": peer.name,
                "namespace": peer.namespace,
                "namespace_labels": world.namespaces.get(peer.namespace, {}),
                "labels": peer.labels,
                "address": peer.address,
                "hosts": peer.hosts,
            }
            for peer in world.peers.values()
        ]
        policies = [*of_kind(world, "NetworkPolicy"), *of_kind(world, "CiliumNetworkPolicy")]
        question = {"peers": peers, "policies": policies, "cells": [asdict(cell) for cell in world.cells]}
        done = subprocess.run([_cilium()], input=json.dumps(question), capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr[-2000:]
        return frozenset(cell for cell, allowed in zip(world.cells, json.loads(done.stdout), strict=True) if allowed)


def _plain(manifest: dict[str, Any]) -> dict[str, Any]:
    return {key: manifest["metadata"][key] for key in ("name", "namespace")}


def _pod(peer: Peer) -> dict[str, Any]:
    meta = {"name": _pod_name(peer), "namespace": peer.namespace, "labels": peer.labels}
    spec = {"serviceAccountName": peer.account, "containers": [{"name": "one", "image": "one"}]}
    status = {"podIP": peer.address, "hostIP": "10.0.1.20"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": status}


def _pod_name(peer: Peer) -> str:
    return re.sub("[^a-z0-9-]", "-", peer.name.lower())


def _read_map(world: World, text: str) -> frozenset[Cell]:
    """The open cells of a map: a line for each pair with what it may use; addresses stand in it as ranges."""
    pods = {f"{peer.namespace}/{_pod_name(peer)}": peer.name for peer in world.peers.values() if peer.namespace}
    addresses = {peer.name: ipaddress.ip_address(peer.address) for peer in world.peers.values() if not peer.namespace}
    ways: dict[tuple[str, str], list[tuple[str, str]]] = {}
    # Where identities are judged too, the map is in two parts: TCP, and everything else.
    part = ""
    for line in filter(None, text.splitlines()):
        if line.endswith(" Connections:"):
            part = line.removesuffix(" Connections:")
            continue
        source, _, rest = line.partition(" => ")
        target, _, way = rest.partition(" : ")
        for start in _named(source, pods, addresses):
            for end in _named(target, pods, addresses):
                ways.setdefault((start, end), []).append((part, way))
    return frozenset(
        cell
        for cell in world.cells
        if any(_takes(part, way, cell) for part, way in ways.get((cell.source, cell.target), ()))
    )


def _named(shown: str, pods: dict[str, str], addresses: dict[str, _Address]) -> list[str]:
    if shown in pods:
        return [pods[shown]]
    first, _, last = shown.partition("-")
    low, high = ipaddress.ip_address(first), ipaddress.ip_address(last or first)
    return [name for name, at in addresses.items() if at.version == low.version and int(low) <= int(at) <= int(high)]


def _takes(part: str, way: str, cell: Cell) -> bool:
    if part and (part == "TCP") != (cell.protocol == "TCP"):
        return False
    if way == "All connections":
        return True
    limits = dict(_LIMIT.findall(way))
    assert limits, f"not understood: {way}"
    assert limits.keys() <= {"protocols", "dst_ports", "methods", "paths"}, f"not understood: {way}"
    # Reading metrics is all that the scraper wants, and not what any other means by reaching an agent.
    if limits.keys() & {"methods", "paths"} and cell.source != "scraper":
        return False
    ports = [one.partition("-") for one in limits.get("dst_ports", "1-65535").split(",")]
    protocols = limits.get("protocols", cell.protocol).split(", ")
    return cell.protocol in protocols and any(int(low) <= cell.port <= int(high or low) for low, _, high in ports)


@cache
def _cyclonus() -> str:
    done = subprocess.run(["bash", "ci/go_tools.sh", "cyclonus"], cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@cache
def _cilium() -> str:
    done = subprocess.run(["bash", "ci/cilium_verdicts.sh"], cwd=ROOT, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@cache
def _python() -> str:
    done = subprocess.run(["bash", "ci/nca_venv.sh"], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
