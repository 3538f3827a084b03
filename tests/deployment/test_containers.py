"""The container files: valid, without default passwords, and naming only what exists."""

import importlib.metadata
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import compose_spec
import pytest
import yaml
from celery import Celery
from celery.app.utils import find_app

from readerstudy.work.queues import QUEUES

REPOSITORY = Path(__file__).resolve().parents[2]
COMPOSE = (REPOSITORY / "docker-compose.yml").read_text()
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()
ENVIRONMENT = (REPOSITORY / ".env.example").read_text()
# ${NAME}, ${NAME:-default}, ${NAME:?message}
REFERENCE = re.compile(r"\$\{(?P<name>\w+)(?P<kind>:[-?])?(?P<text>[^}]*)\}")


def interpolated(text: str) -> str:
    return REFERENCE.sub(lambda found: found["text"] if found["kind"] == ":-" else "filledin", text)


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    merged = yaml.safe_load(interpolated(COMPOSE))
    compose_spec.PyCompose.from_json(json.dumps(merged)).validate()
    found: dict[str, Any] = merged["services"]
    return found


def stage(name: str) -> str:
    """The lines of one stage of the Dockerfile."""
    found = re.search(rf"^FROM \S+ AS {name}$(.*?)(?=^FROM |\Z)", DOCKERFILE, re.DOTALL | re.MULTILINE)
    assert found, f"the Dockerfile has no stage {name}"
    return found[1]


def queues_of(command: list[str]) -> set[str]:
    return set(command[command.index("-Q") + 1].split(","))


def test_the_compose_file_follows_the_specification(services: dict[str, Any]) -> None:
    assert set(services) == {"postgres", "rabbitmq", "migrate", "web", "worker-gpu", "worker-cpu", "worker-reports"}


def test_a_misspelt_key_would_be_found() -> None:
    with pytest.raises(ValueError, match="comand"):
        compose_spec.PyCompose.from_yaml("services: {web: {image: a, comand: b}}").validate()


@pytest.mark.parametrize("name", ["POSTGRES_PASSWORD", "RABBITMQ_PASSWORD", "SECRET_KEY", "ALLOWED_HOSTS"])
def test_no_secret_has_a_default(name: str) -> None:
    kinds = {found["kind"] for found in REFERENCE.finditer(COMPOSE) if found["name"] == name}
    assert kinds == {":?"}
    assert re.search(rf"^{name}=$", ENVIRONMENT, re.MULTILINE), f"{name} must be empty in .env.example"


def test_the_example_names_every_variable_and_no_other() -> None:
    used = {found["name"] for found in REFERENCE.finditer(COMPOSE)}
    assert used == set(re.findall(r"^(\w+)=", ENVIRONMENT, re.MULTILINE))


def test_only_the_web_server_is_reachable_and_only_from_this_host(services: dict[str, Any]) -> None:
    assert {name: service["ports"] for name, service in services.items() if service.get("ports")} == {
        "web": ["127.0.0.1:8000:8000"]
    }


def test_every_command_names_something_that_exists(services: dict[str, Any]) -> None:
    scripts = {entry.name for entry in importlib.metadata.entry_points(group="console_scripts")}
    commands = [service["command"] for service in services.values() if service.get("command")]
    commands += [re.findall(r'"([^"]*)"', line) for line in re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)]
    assert len(commands) == 6
    for command in commands:
        if command[0] == "python":
            assert (REPOSITORY / command[1]).is_file()
            continue
        assert command[0] in scripts
        if command[0] == "celery":
            assert command[1] == "-A"
            assert isinstance(find_app(command[2]), Celery)
            assert command[3] == "worker"
            assert queues_of(command) <= set(QUEUES)
        else:
            module, name = command[1].split(":")
            source = (REPOSITORY / module.replace(".", "/")).with_suffix(".py").read_text()
            assert re.search(rf"^{name} = ", source, re.MULTILINE)


def test_every_queue_has_a_worker_without_a_gpu(services: dict[str, Any]) -> None:
    workers = [services["worker-cpu"], services["worker-reports"]]
    assert set().union(*(queues_of(worker["command"]) for worker in workers)) == set(QUEUES)
    assert not any(worker.get("profiles") for worker in workers)


def test_reports_need_no_torch(services: dict[str, Any]) -> None:
    assert services["worker-reports"]["image"] == services["web"]["image"]
    assert find_app("readerstudy.results").conf.imports == ("readerstudy.results.tasks",)


def test_the_gpu_worker_reserves_an_nvidia_device(services: dict[str, Any]) -> None:
    (device,) = services["worker-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert device["driver"] == "nvidia"
    assert device["capabilities"] == ["gpu"]


@pytest.mark.parametrize("name", ["web", "worker"])
def test_the_images_do_not_run_as_root_and_say_how_they_are_checked(name: str) -> None:
    lines = stage(name)
    assert "USER readerstudy" in lines
    assert "HEALTHCHECK" in lines
    assert lines.index("USER readerstudy") < lines.index("CMD [")


def test_the_web_image_gets_no_torch() -> None:
    assert "'.[web]'" in stage("web-build")
    assert "worker" not in stage("web-build")
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    web = [*project["dependencies"], *project["optional-dependencies"]["web"]]
    assert not [requirement for requirement in web if re.match(r"torch|captum|readerstudy", requirement)]


def test_images_are_built_from_listed_files_only_so_that_no_secret_or_data_gets_in() -> None:
    lines = (REPOSITORY / ".dockerignore").read_text().split()
    assert lines[0] == "**"
    allowed = {line[1:] for line in lines if line.startswith("!")}
    assert allowed.isdisjoint({".env", "var", ".git", "tests"})
    assert {path for path in allowed if not (REPOSITORY / path).exists()} <= {"README.md"}
