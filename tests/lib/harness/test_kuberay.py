"""The manifest of docs/cluster.md: it fits the image's Ray, it is hardened, and nobody else reaches the cluster.

It has been checked against the schema of KubeRay's own resource, which no package has, so it is not checked again here.
"""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest
import yaml

from tests.lib.harness.conftest import ROOT


@pytest.fixture
def manifest() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((ROOT / "docs" / "kuberay.yaml").read_text(encoding="utf-8")))


def test_the_cluster_is_of_the_image_and_hardened(manifest: list[dict[str, Any]]) -> None:
    from importlib.metadata import version

    cluster, _ = manifest
    assert (cluster["apiVersion"], cluster["kind"]) == ("ray.io/v1", "RayCluster")
    spec = cluster["spec"]
    assert spec["rayVersion"] == version("ray")
    assert spec["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    assert all(isinstance(value, str) for value in spec["headGroupSpec"]["rayStartParams"].values())
    (workers,) = spec["workerGroupSpecs"]
    assert workers["minReplicas"] <= workers["replicas"] <= workers["maxReplicas"]
    (worker,) = workers["template"]["spec"]["containers"]
    assert workers["rayStartParams"]["num-cpus"] == worker["resources"]["requests"]["cpu"]
    for group in (spec["headGroupSpec"], workers):
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        assert container["image"] == "IMAGE"
        assert container["env"] == [
            {"name": "RAY_AUTH_MODE", "value": "token"},
            {"name": "RAY_AUTH_TOKEN", "valueFrom": {"secretKeyRef": {"name": "fearless-labs-ray", "key": "token"}}},
        ]
        assert (pod["securityContext"]["runAsUser"], pod["securityContext"]["runAsNonRoot"]) == (1000, True)
        assert pod["automountServiceAccountToken"] is False
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}
        }  # fmt: skip
        assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
        assert container["resources"]["limits"]["memory"]


def test_only_the_cluster_reaches_the_cluster(manifest: list[dict[str, Any]]) -> None:
    cluster, policy = manifest
    spec = cluster["spec"]
    labels = [group["template"]["metadata"]["labels"] for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"])]
    ours = {"matchLabels": {"app": "fearless-labs"}}
    assert all(each == ours["matchLabels"] for each in labels)
    assert policy["spec"]["podSelector"] == ours
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert policy["spec"]["ingress"] == [{"from": [{"podSelector": ours}]}]


def test_no_recipe_lets_everybody_in() -> None:
    """Neither without a token nor, by a port-forward, from the whole network; no token on a command line."""
    text = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    assert "0.0.0.0" not in text
    starts = re.findall(r"^docker run (?:.*\\\n)*.*ray IMAGE start .*$", text, re.MULTILINE)
    assert len(starts) == 2
    assert all("--env RAY_AUTH_MODE=token --env RAY_AUTH_TOKEN " in start for start in starts)
    assert "APPTAINERENV_RAY_AUTH_MODE=token" in text
    assert "kubectl create secret generic fearless-labs-ray --from-file=token=/dev/stdin" in text


def test_the_docs_say_the_versions_of_the_image() -> None:
    from importlib.metadata import version

    text = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    assert f"Ray {version('ray').rpartition('.')[0]} and Python {sys.version_info[0]}.{sys.version_info[1]} " in text
