"""What compose.yaml promises, read as Compose reads it. Whether an engine starts it is not tried here."""

import re
from typing import Any

import pytest
import yaml

from lab.harness.environment import BASE_DIR

FILE: dict[str, Any] = yaml.safe_load((BASE_DIR / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = FILE["services"]

WORKERS = ("worker", "worker-deliveries", "worker-bulk")
HUB = {"web-1", "web-2", *WORKERS, "beat", "prepare"}
EVERY = pytest.mark.parametrize("name", SERVICES)

#: Which volumes of secrets each service mounts.
SECRETS = {
    **{name: {"hub-secrets"} for name in HUB},
    "postgres": {"postgres-secrets"},
    "redis": {"redis-secrets"},
    "secrets": {"secrets", "hub-secrets", "postgres-secrets", "redis-secrets"},
    "nginx": set(),
}


def mounts(service: dict[str, Any]) -> dict[str, str]:
    """Source -> target and options of the volumes of a service."""
    return dict(volume.split(":", 1) for volume in service.get("volumes", ()))


@EVERY
def test_service_mounts_its_own_secrets_only(name: str) -> None:
    mounted = {source: target for source, target in mounts(SERVICES[name]).items() if source.endswith("secrets")}
    assert set(mounted) == SECRETS[name]
    assert name == "secrets" or all(target.endswith(":ro") for target in mounted.values())


@EVERY
def test_service_may_do_little_and_use_so_much(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"] and "cap_add" not in service and "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert service["mem_limit"] and service["pids_limit"] >= 256
    assert service["ulimits"]["nofile"]["soft"] >= 65536
    assert service["logging"]["options"]["max-size"]


@EVERY
def test_image_has_the_tag_of_a_patch(name: str) -> None:
    image = SERVICES[name]["image"]
    if name in HUB:
        assert (image, SERVICES[name]["pull_policy"]) == ("django-notification-hub", "never")
    else:
        assert re.search(r":\d+\.\d+(\.\d+)?-", image), image


def test_one_service_builds_the_image_of_all() -> None:
    assert [name for name in SERVICES if "build" in SERVICES[name]] == ["web-1"]


def test_maker_of_secrets_does_not_change_with_the_hub() -> None:
    maker = SERVICES["secrets"]
    assert maker["image"] != SERVICES["web-1"]["image"] and "build" not in maker
    dockerfile = (BASE_DIR / "Dockerfile").read_text()
    assert f"FROM {maker['image']}" in dockerfile  # which the build fetches anyway


def test_nothing_is_restarted_with_what_it_depends_on() -> None:
    assert "restart: true" not in (BASE_DIR / "compose.yaml").read_text()
    assert {condition["condition"] for condition in SERVICES["nginx"]["depends_on"].values()} == {"service_healthy"}


def test_every_variable_of_the_hub_may_be_set() -> None:
    for name in HUB:
        assert SERVICES[name]["env_file"] == [{"path": ".env", "required": False}]
        environment = SERVICES[name]["environment"]
        assert (environment["HUB_ENV"], environment["HUB_DATA_DIR"]) == ("production", "/var/lib/hub")
        assert bool(environment["HUB_ADMIN_PASSWORD"]) is (name == "prepare")


def test_nobody_waits_for_a_migration_that_waits() -> None:
    assert SERVICES["prepare"]["environment"]["PGOPTIONS"] == "-c lock_timeout=3s"
    assert not any("PGOPTIONS" in SERVICES[name].get("environment", {}) for name in SERVICES if name != "prepare")


def test_who_sends_and_who_reads_have_one_name_of_a_queue() -> None:
    for purpose in ("deliveries", "bulk"):
        command = SERVICES[f"worker-{purpose}"]["command"]
        name = command[command.index("-Q") + 1]
        variable = f"HUB_{purpose.upper()}_QUEUE"
        assert name == f"${{{variable}:-{purpose}}}"
        assert {SERVICES[part]["environment"].get(variable) for part in HUB} == {name}


def test_checks_of_worker_and_beat_start_little() -> None:
    for name in (*WORKERS, "beat"):
        assert SERVICES[name]["healthcheck"]["test"] == ["CMD", "python", "-S", "deploy/healthy.py", name]


def test_volumes_and_networks_that_are_used_are_declared() -> None:
    used = {source for service in SERVICES.values() for source in mounts(service) if not source.startswith(".")}
    assert used == set(FILE["volumes"])
    networks = {network for service in SERVICES.values() for network in service.get("networks", ())}
    assert networks == set(FILE["networks"])
    assert FILE["networks"]["inside"]["internal"] and FILE["networks"]["front"]["internal"]


def test_only_nginx_is_published_and_on_this_machine_only() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"nginx": ["127.0.0.1:${HUB_PORT:-8080}:8080"]}


def test_who_talks_to_the_outside() -> None:
    assert {name for name, service in SERVICES.items() if "outside" in service.get("networks", ())} == {
        "nginx",
        *WORKERS,  # which send mails
    }


def test_database_takes_the_connections_of_all_parts_twice() -> None:
    from hub.config.typed_settings import HubSettings
    from hub.server.request_slots import OPERATOR_SLOTS

    _, _, option = SERVICES["postgres"]["command"]
    web = HubSettings().requests + HubSettings().database_threads + OPERATOR_SLOTS + 1
    worker_and_beat = len(WORKERS) * (2 + 2) + 2
    assert int(option.removeprefix("max_connections=")) >= 2 * (2 * web + worker_and_beat)


def test_tools_of_the_image_have_versions() -> None:
    dockerfile = (BASE_DIR / "Dockerfile").read_text()
    assert re.search(r"pip install uv==\d+\.\d+\.\d+$", dockerfile, flags=re.MULTILINE)
    for image in re.findall(r"^FROM (\S+)", dockerfile, flags=re.MULTILINE):
        assert re.search(r":\d+\.\d+\.\d+-", image), image
    assert "SECRET_KEY=only" not in dockerfile
