"""The CloudFormation template for voice behind API Gateway: AWS's own rules, and that it calls the door there is."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from learntrac.voice import gateway

TEMPLATE = Path(__file__).parents[2] / "deploy" / "aws" / "voice-gateway.yaml"


def _template() -> dict[str, Any]:
    """The template with CloudFormation's functions as plain values."""

    class Loader(yaml.SafeLoader):
        pass

    def plain(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return loader.construct_scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        raise AssertionError(node)

    Loader.add_multi_constructor("!", plain)
    loaded: dict[str, Any] = yaml.load(TEMPLATE.read_text(), Loader)
    return loaded


def test_aws_takes_the_template() -> None:
    found = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), "--non-zero-exit-code", "informational", str(TEMPLATE)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_each_route_calls_the_door_with_the_headers_that_it_reads() -> None:
    resources = _template()["Resources"]
    routes = {one["Properties"]["RouteKey"]: one for one in resources.values() if one["Type"].endswith("::Route")}
    assert set(routes) == {"$connect", "$default", "$disconnect"}

    for key, route in routes.items():
        name = route["Properties"]["Target"].removeprefix("integrations/").strip("${}")
        integration = resources[name]["Properties"]
        sent = {place.rpartition(".")[2].lower(): value for place, value in integration["RequestParameters"].items()}
        assert integration["IntegrationUri"] == "${LearnTracUrl}/ws/voice/gateway"
        assert sent[gateway.CONNECTION] == "context.connectionId"
        assert sent[gateway.ROUTE] == f"'{key}'"
        assert sent[gateway.SECRET] == "'${GatewaySecret}'"
        assert ("token" in sent) == (key == "$connect")
