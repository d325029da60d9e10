"""The files in deploy/ agree with each other, with the settings and with the command line."""

import importlib
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from learntrac.config import Settings
from learntrac.kit.clock import utc_now
from learntrac.kit.http.doors import API
from learntrac.main import make_api
from tests.contract.caddy import find_caddy
from tests.contract.commands import find_problem
from tests.contract.servers import ROOT
from tests.environments import PACKAGES_14

yaml: Any = importlib.import_module("yaml")  # it ships no types

DEPLOY = ROOT / "deploy"
FILES = sorted(file for file in DEPLOY.rglob("*") if file.is_file())
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if service.get("image") == "learntrac"}
API_PORT, SECOND_PORT, TRAC_PORT = "8001", "8002", "8000"


def read(path: str) -> str:
    return (DEPLOY / path).read_text()


def assigned(path: str) -> dict[str, str]:
    """The variables of an env file."""
    lines = (line for line in read(path).splitlines() if line and not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines)


def manifests() -> Iterator[dict[str, Any]]:
    for file in MANIFESTS:
        yield from yaml.safe_load_all(file.read_text())


def containers() -> Iterator[dict[str, Any]]:
    for manifest in manifests():
        if manifest["kind"] == "Deployment":
            yield from manifest["spec"]["template"]["spec"]["containers"]


def named(kind: str, name: str) -> dict[str, Any]:
    return next(one for one in manifests() if (one["kind"], one["metadata"]["name"]) == (kind, name))


def test_every_setting_that_is_named_exists() -> None:
    known = {f"LEARNTRAC_{name.upper()}" for name in Settings.model_fields}
    of_compose = assigned(".env.example").keys()

    found = {name: file for file in FILES for name in re.findall(r"\bLEARNTRAC_[A-Z_]+\b", file.read_text())}
    assert {name: file for name, file in found.items() if name not in known | of_compose} == {}
    assert {name for service in OURS.values() for name in service["environment"]} <= known
    assert assigned("systemd/learntrac.env.example").keys() <= known
    given = named("ConfigMap", "learntrac")["data"].keys() | named("Secret", "learntrac")["stringData"].keys()
    assert given <= known


def test_no_secret_has_a_value() -> None:
    given = assigned(".env.example") | assigned("systemd/learntrac.env.example")
    given |= named("Secret", "learntrac")["stringData"]

    secret = {name: value for name, value in given.items() if re.search("PASSWORD|SECRET|DATABASE_URL", name)}
    assert len(secret) >= 6
    assert set(secret.values()) == {""}


def test_the_example_has_every_variable_that_compose_wants() -> None:
    wanted = set(re.findall(r"\$\{(\w+)", read("compose.yml")))

    assert wanted == assigned(".env.example").keys()


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_starts_a_command_that_there_is(unit: Path) -> None:
    text = unit.read_text()
    program, *arguments = shlex.split(re.findall("^ExecStart=(.+)$", text, re.MULTILINE)[0])

    assert program.endswith("/.venv/bin/learntrac")
    assert find_problem(arguments) is None
    for line in ("NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=", "User=learntrac"):
        assert f"\n{line}\n" in text
    assert ("ExecReload=/bin/kill -HUP $MAINPID" in text) == ("serve" in arguments)


def test_the_images_and_pods_run_commands_that_there_are() -> None:
    dockerfile = read("docker/Dockerfile")
    of_image = re.findall(r"^CMD \[(.+)\]$", dockerfile, re.MULTILINE)[0]
    runs = [re.findall(r'"([^"]+)"', of_image)]
    runs += [service["command"] for service in OURS.values()]
    runs += [container["args"] for container in containers()]

    assert 'ENTRYPOINT ["learntrac"]' in dockerfile
    assert {arguments[0] for arguments in runs} == {"serve", "worker"}
    for arguments in runs:
        assert find_problem(arguments) is None, arguments
        assert arguments[0] != "serve" or arguments[-2:] == ["--port", API_PORT]


def test_everybody_means_the_same_ports() -> None:
    nginx, caddy = read("nginx/learntrac.conf"), read("caddy/Caddyfile")

    assert re.findall(r"^    server 127\.0\.0\.1:(\d+)", nginx, re.MULTILINE) == [API_PORT, SECOND_PORT, TRAC_PORT]
    assert re.findall(r"127\.0\.0\.1:(\d+)", caddy) == [TRAC_PORT, API_PORT, SECOND_PORT]
    assert f"--port {API_PORT}" in read("systemd/learntrac.service")
    assert f"EXPOSE {API_PORT}" in read("docker/Dockerfile")
    assert f"tracd --port={TRAC_PORT} " in read("docker/trac14-start.sh")
    api = next(container for container in containers() if container["name"] == "api")
    assert api["ports"] == [{"name": "http", "containerPort": int(API_PORT)}]
    assert {f"{name}:{API_PORT}" for name in OURS if name != "worker"} == set(
        re.findall(rf"127\.0\.0\.1:800\d/([a-z0-9-]+:{API_PORT})/", str(COMPOSE["services"]["nginx"]["command"]))
    )


def test_every_probe_asks_what_there_is() -> None:
    text = "".join(file.read_text() for file in FILES)

    probed = set(re.findall(rf"{API}/(?:health|ready|status)", text))
    assert probed == {f"{API}/health", f"{API}/ready"}
    assert probed <= make_api(Settings(), utc_now).openapi()["paths"].keys()


def test_both_proxies_and_the_ingress_pass_on_the_same_paths() -> None:
    of_nginx = set(re.findall(r"^    location (?:= )?(/\S*) \{$", read("nginx/learntrac.conf"), re.MULTILINE))
    at_caddy = re.findall(r"^\t@api path (.+)$", read("caddy/Caddyfile"), re.MULTILINE)[0].split()
    rules = named("Ingress", "learntrac")["spec"]["rules"][0]["http"]["paths"]
    of_ingress = {rule["path"] for rule in rules if rule["backend"]["service"]["name"] == "learntrac-api"}
    of_api = {"/", "/api/learntrac", "/ws", "/certificates", "/wiki", "/ticket"}

    assert {path.removesuffix("/*") for path in at_caddy} == of_api
    assert of_ingress == of_api
    assert {path.rstrip("/") or "/" for path in of_nginx} >= of_api | {"/metrics", "/trac"}
    assert {rule["backend"]["service"]["name"] for rule in rules} - {"learntrac-api"} == {"trac"}


def test_compose_names_only_what_is_there() -> None:
    services = COMPOSE["services"]
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= services.keys(), name
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (DEPLOY / source).is_file(), volume
        if "build" in service:
            context = DEPLOY / service["build"]["context"]
            assert (context / service["build"]["dockerfile"]).is_file()
        assert "healthcheck" in service or "build" in service or service["restart"] == "no", name
    assert services["neo4j"]["profiles"] == ["graph"]
    assert all(service["read_only"] and service["cap_drop"] == ["ALL"] for service in OURS.values())


def test_an_image_copies_what_is_there_and_does_not_run_as_root() -> None:
    for name, context in (("Dockerfile", ROOT), ("trac14.Dockerfile", DEPLOY / "docker")):
        text = read(f"docker/{name}")
        for source in re.findall(r"^COPY (?!--from)(\S+) ", text, re.MULTILINE):
            assert (context / source).exists(), source
        assert re.findall(r"^USER (.+)$", text, re.MULTILINE) == ["10001:10001"]
        assert "HEALTHCHECK" in text
    assert "--require-hashes -r server/requirements/run.txt" in read("docker/Dockerfile")


def test_the_old_trac_is_the_one_that_is_tested() -> None:
    assert set(re.findall(r"\S+==\S+", read("docker/trac14.Dockerfile"))) == set(PACKAGES_14)


def test_pods_have_limits_probes_and_no_rights() -> None:
    for container in containers():
        assert container["resources"]["limits"]["memory"]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert {next(iter(source)) for source in container["envFrom"]} == {"configMapRef", "secretRef"}
    api = named("Deployment", "learntrac-api")["spec"]
    assert api["selector"]["matchLabels"] == api["template"]["metadata"]["labels"]
    assert named("Service", "learntrac-api")["spec"]["selector"] == api["selector"]["matchLabels"]
    assert named("PodDisruptionBudget", "learntrac-api")["spec"]["selector"] == api["selector"]


@pytest.mark.service("caddy")
def test_caddy_takes_its_file(tmp_path: Path) -> None:
    file = DEPLOY / "caddy" / "Caddyfile"
    environ = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    caddy = find_caddy()
    for arguments in (["validate", "--adapter", "caddyfile", "--config", str(file)], ["fmt", str(file)]):
        done = subprocess.run([caddy, *arguments], env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert done.stdout == file.read_text()


@pytest.mark.parametrize("script", sorted(DEPLOY.rglob("*.sh")), ids=lambda script: script.stem)
def test_a_script_can_be_read(script: Path) -> None:
    assert subprocess.run(["sh", "-n", script], check=False).returncode == 0


def test_a_command_that_is_not_there_is_noticed() -> None:
    assert find_problem(["serve", "--port", "1"]) is None
    assert find_problem(["serve", "--nonsense"]) is not None
    assert find_problem(["nonsense"]) is not None
    assert find_problem(["user", "promote", "zoe"]) is not None
