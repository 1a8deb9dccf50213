"""The manifests of Kubernetes, without a cluster: their schema, and what they say about Parley."""

import re
from typing import Any

import kubernetes_validate
import pytest
import yaml

from app.api.health import router
from app.config.settings import Settings
from app.domain.connection_limits import HEARTBEAT_SECONDS
from tests.deploy.files import DEPLOY, KUBERNETES, MARGIN_SECONDS, ROOT, manifest, read_yaml


def container(name: str) -> dict[str, Any]:
    (found,) = manifest(name)["spec"]["template"]["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def pod_labels() -> dict[str, str]:
    labels = manifest("deployment")["spec"]["template"]["metadata"]["labels"]
    assert isinstance(labels, dict)
    return labels


@pytest.mark.parametrize("name", KUBERNETES)
def test_a_manifest_has_the_form_that_the_api_server_demands(name: str) -> None:
    kubernetes_validate.validate(manifest(name), kubernetes_validate.latest_version(), strict=True)


def test_a_wrong_field_would_be_found() -> None:
    wrong = yaml.safe_load(
        (DEPLOY / "kubernetes/deployment.yaml").read_text().replace("replicas:", "replica:")
    )

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)


def test_every_manifest_is_applied() -> None:
    listed = read_yaml("kubernetes/kustomization.yaml")["resources"]

    assert sorted(listed) == sorted(f"{name}.yaml" for name in KUBERNETES)


@pytest.mark.parametrize("name", ["deployment", "migrate"])
def test_each_setting_exists_and_secrets_are_references(name: str) -> None:
    for variable in container(name)["env"]:
        field = Settings.model_fields[variable["name"].lower()]
        secret = not field.repr or "Secret" in str(field.annotation)
        assert ("valueFrom" in variable) == secret, variable["name"]
        if secret:
            assert variable["valueFrom"]["secretKeyRef"]["key"] == variable["name"]


def test_probes_ask_for_paths_that_exist() -> None:
    paths = {route.path for route in router.routes}  # type: ignore[attr-defined]
    node = container("deployment")

    asked = {
        probe: node[f"{probe}Probe"]["httpGet"]["path"] for probe in ("readiness", "liveness")
    }
    assert asked == {"readiness": "/ready", "liveness": "/health"}
    assert set(asked.values()) <= paths


def test_a_pod_has_longer_to_stop_than_it_takes() -> None:
    spec = manifest("deployment")["spec"]["template"]["spec"]
    (program, sleep) = container("deployment")["lifecycle"]["preStop"]["exec"]["command"]
    drain = Settings.model_fields["shutdown_seconds"].default

    assert program == "sleep"
    assert spec["terminationGracePeriodSeconds"] >= int(sleep) + drain + MARGIN_SECONDS
    # Longer than the readiness probe takes to notice that it drains.
    probe = container("deployment")["readinessProbe"]
    assert int(sleep) > probe["periodSeconds"] * probe["failureThreshold"]


def test_ports_and_labels_lead_from_the_ingress_to_the_pods() -> None:
    (port,) = container("deployment")["ports"]
    (service_port,) = manifest("service")["spec"]["ports"]
    (rule,) = manifest("ingress")["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    backend = path["backend"]["service"]

    assert port["containerPort"] == Settings.model_fields["port"].default
    assert service_port["targetPort"] == port["name"]
    assert backend == {
        "name": manifest("service")["metadata"]["name"],
        "port": {"name": service_port["name"]},
    }
    assert manifest("service")["spec"]["selector"] == pod_labels()
    for name in ("deployment", "disruption-budget"):
        assert manifest(name)["spec"]["selector"]["matchLabels"] == pod_labels()
    # The job's pod must get no traffic.
    assert manifest("migrate")["spec"]["template"]["metadata"]["labels"] != pod_labels()


def test_several_nodes_run_and_one_at_a_time_is_taken_away() -> None:
    assert manifest("deployment")["spec"]["replicas"] >= 2
    assert manifest("disruption-budget")["spec"]["maxUnavailable"] == 1


def test_an_idle_socket_is_pinged_before_the_ingress_closes_it() -> None:
    notes = manifest("ingress")["metadata"]["annotations"]

    for name in ("proxy-read-timeout", "proxy-send-timeout"):
        assert int(notes[f"nginx.ingress.kubernetes.io/{name}"]) > 2 * HEARTBEAT_SECONDS


@pytest.mark.parametrize("name", ["deployment", "migrate"])
def test_a_pod_runs_as_the_user_of_the_image_and_writes_where_it_is_mounted(name: str) -> None:
    pod, own = manifest(name)["spec"]["template"]["spec"], container(name)
    (uid,) = re.findall(r"useradd --system --uid (\d+)", (ROOT / "Dockerfile").read_text())

    assert pod["securityContext"]["runAsUser"] == int(uid)
    assert pod["securityContext"]["runAsNonRoot"]
    assert own["securityContext"]["readOnlyRootFilesystem"]
    assert not own["securityContext"]["allowPrivilegeEscalation"]
