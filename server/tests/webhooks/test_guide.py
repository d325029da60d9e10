"""The verifiers that the guide shows, each run in its own language over the vectors: what is valid and nothing else."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contract.servers import ROOT

VECTORS = ROOT / "sdk" / "vectors" / "webhooks.json"
CASES: list[dict[str, Any]] = json.loads(VECTORS.read_text(encoding="utf-8"))["cases"]
GUIDE = (ROOT / "docs" / "guide" / "webhooks.md").read_text(encoding="utf-8")

RUNNERS = {
    "python": """
import sys
found = []
for case in json.load(open(sys.argv[1], encoding="utf-8"))["cases"]:
    body = case["body"].encode()
    took = [verify(secret, case["headers"], body, now=case["now"]) for secret in case["secrets"]]
    found.append([one is not None and one["event"] == case["event"] for one in took])
print(json.dumps(found))
""",
    "js": """
import { readFileSync } from "node:fs";
const found = JSON.parse(readFileSync(process.argv[2], "utf8")).cases.map((one) =>
  one.secrets.map((secret) => verify(secret, one.headers, Buffer.from(one.body), one.now)?.event === one.event));
console.log(JSON.stringify(found));
""",
    "go": """
type vector struct {
	Secrets []string
	Headers map[string]string
	Body    string
	Now     int64
}

func main() {
	var vectors struct{ Cases []vector }
	content, _ := os.ReadFile(os.Args[1])
	if err := json.Unmarshal(content, &vectors); err != nil {
		panic(err)
	}
	found := [][]bool{}
	for _, one := range vectors.Cases {
		headers, took := http.Header{}, []bool{}
		for name, value := range one.Headers {
			headers.Set(name, value)
		}
		for _, secret := range one.Secrets {
			took = append(took, Verify(secret, headers, []byte(one.Body), time.Unix(one.Now, 0)))
		}
		found = append(found, took)
	}
	json.NewEncoder(os.Stdout).Encode(found)
}
""",
}
GO_PACKAGES = (
    *("crypto/hmac", "crypto/sha256", "encoding/base64", "encoding/json", "fmt", "net/http", "os", "strconv"),
    *("strings", "time"),
)
GO_HEAD = "package main\n\nimport (\n" + "".join(f'\t"{name}"\n' for name in GO_PACKAGES) + ")\n\n"
LANGUAGES = [name for name, tool in (("python", sys.executable), ("js", "node"), ("go", "go")) if shutil.which(tool)]
"""Those that there are tools for on this machine."""


def block(language: str) -> str:
    """The guide's code in this language, as printed."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    return str(found)


def run(language: str, code: str, folder: Path) -> list[list[bool]]:
    """Of each case, which of its secrets the verifier took it by."""
    name, head, command = {
        "python": ("verify.py", "", [sys.executable]),
        "js": ("verify.mjs", "", ["node"]),
        "go": ("verify.go", GO_HEAD, ["go", "run"]),
    }[language]
    file = folder / name
    file.write_text(head + code + RUNNERS[language], encoding="utf-8")
    done = subprocess.run([*command, file, VECTORS], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found: list[list[bool]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_verifier_of_the_guide_takes_what_is_valid_and_nothing_else(language: str, tmp_path: Path) -> None:
    found = run(language, block(language), tmp_path)

    assert dict(zip(names(), found, strict=True)) == {
        case["name"]: [case["valid"]] * len(case["secrets"]) for case in CASES
    }


def names() -> list[str]:
    return [str(case["name"]) for case in CASES]


WRONG: dict[str, tuple[Callable[[str], str], str]] = {
    "python": (lambda code: code.replace("> 300", "> 3000"), "too old: replayed after five minutes"),
    "js": (lambda code: code.replace(".update(head)", ""), CASES[0]["name"]),
    "go": (lambda code: code.replace("now.Sub(", "time.Unix(0, 0).Sub("), CASES[0]["name"]),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_verifier_that_is_wrong_is_found_out(language: str, tmp_path: Path) -> None:
    spoil, where = WRONG[language]
    spoilt = spoil(block(language))
    assert spoilt != block(language)

    found = dict(zip(names(), run(language, spoilt, tmp_path), strict=True))

    (case,) = [case for case in CASES if case["name"] == where]
    assert found[where] != [case["valid"]] * len(case["secrets"])
