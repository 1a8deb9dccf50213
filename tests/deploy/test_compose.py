"""The compose files, without a Docker engine: their schema, and what they say about Parley."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.config.settings import Settings
from tests.deploy.files import DEPLOY, MARGIN_SECONDS, ROOT, read_yaml, seconds

NAMES = ("compose.yaml", "compose.one-node.yaml")
FILES = pytest.mark.parametrize("name", NAMES)
_SECRETS = re.compile(r"SECRET|PASSWORD|TOKEN")
NODES = ("parley-1", "parley-2")


def services(name: str) -> dict[str, dict[str, Any]]:
    found = read_yaml(name)["services"]
    assert isinstance(found, dict)
    return found


def parley(name: str) -> dict[str, dict[str, Any]]:
    """The services that run Parley."""
    return {key: value for key, value in services(name).items() if value["image"] == "parley"}


@pytest.mark.slow
def test_the_files_have_the_form_of_the_compose_specification() -> None:
    program = Path(sys.executable).with_name("check-jsonschema")
    files = [str(DEPLOY / name) for name in NAMES]
    subprocess.run([program, "--builtin-schema", "vendor.compose-spec", *files], check=True)


@FILES
def test_each_setting_exists(name: str) -> None:
    known = {field.upper() for field in Settings.model_fields}

    for service in parley(name).values():
        assert service["environment"].keys() <= known


@FILES
def test_no_secret_has_a_default(name: str) -> None:
    text = (DEPLOY / name).read_text()
    variables = re.findall(r"\$\{(\w+)([^}]*)\}", text)

    assert variables
    for variable, rest in variables:
        assert rest == "" or rest.startswith(":?Set "), variable
    # Given without :? in one place is refused in another.
    assert {v for v, rest in variables} == {v for v, rest in variables if rest}
    for line in re.findall(r"^ +(\w+): (.+)$", text, re.M):
        if _SECRETS.search(line[0]):
            assert line[1].startswith("${"), line[0]


@FILES
def test_a_server_has_longer_to_stop_than_it_takes(name: str) -> None:
    drain = Settings.model_fields["shutdown_seconds"].default

    for service in parley(name).values():
        assert seconds(service["stop_grace_period"]) >= drain + MARGIN_SECONDS


@FILES
def test_parley_may_write_only_where_it_is_mounted(name: str) -> None:
    data = re.findall(r"DATA_DIR=(\S+)", (ROOT / "Dockerfile").read_text())

    for service in parley(name).values():
        assert service["read_only"]
        assert [volume.partition(":")[2] for volume in service["volumes"]] == data
        assert service["cap_drop"] == ["ALL"]


def test_only_the_proxy_is_reached_from_outside() -> None:
    assert {key for key, service in services("compose.yaml").items() if "ports" in service} == {
        "caddy"
    }
    assert read_yaml("compose.yaml")["networks"]["inside"]["internal"]
    assert set(services("compose.yaml")["caddy"]["networks"]) == {"inside", "outside"}


def test_the_proxy_of_one_node_is_on_the_same_machine() -> None:
    (node,) = parley("compose.one-node.yaml").values()

    assert all(port.startswith("127.0.0.1:") for port in node["ports"])


def test_two_nodes_share_everything_but_their_names() -> None:
    one, two = (services("compose.yaml")[name] for name in NODES)

    assert one == two
    assert one["environment"]["DATABASE_URL"].endswith("@postgres/parley")
    assert "@redis:6379/" in one["environment"]["REDIS_URL"]


def test_nodes_trust_the_network_of_the_proxy() -> None:
    (pool,) = read_yaml("compose.yaml")["networks"]["inside"]["ipam"]["config"]

    for name in NODES:
        settings = services("compose.yaml")[name]["environment"]
        assert settings["FORWARDED_ALLOW_IPS"] == pool["subnet"]


def test_the_proxy_knows_each_node_by_name_and_port() -> None:
    (port,) = re.findall(r"^EXPOSE (\d+)$", (ROOT / "Dockerfile").read_text(), re.M)

    assert int(port) == Settings.model_fields["port"].default
    caddy = services("compose.yaml")["caddy"]
    assert caddy["environment"]["PARLEY_NODES"] == " ".join(f"{name}:{port}" for name in NODES)
    mounted = caddy["volumes"][0].partition(":")[0]
    assert (DEPLOY / mounted).is_file()


def test_everything_that_serves_is_checked_and_nodes_start_after_the_migration() -> None:
    all_services = services("compose.yaml")

    for name in ("postgres", "redis", "caddy"):
        assert all_services[name]["healthcheck"]["test"][0] == "CMD"
    # The nodes have the check of the image.
    assert "HEALTHCHECK" in (ROOT / "Dockerfile").read_text()
    assert all_services["migrate"]["command"] == ["parley", "migrate"]
    for name in NODES:
        waits = all_services[name]["depends_on"]
        assert waits["migrate"]["condition"] == "service_completed_successfully"
