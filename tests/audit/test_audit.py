"""The audit finds what it looks for, and says what it could not look at."""

import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.config.production_checks import NAMES
from lab.audit import advisories, production, tree
from lab.audit.__main__ import LOOKS, main
from lab.audit.outcome import Outcome
from lab.harness.environment import BASE_DIR

Look = Callable[[Path, list[str]], Outcome]


def printing(text: str, code: int = 0) -> list[str]:
    """A command that prints ``text`` and ends with ``code``, whatever arguments follow."""
    return [sys.executable, "-c", f"import sys; print({text!r}); sys.exit({code})"]


#: What a generator makes. The same in each process, because the names of tests are made of it; no literal, because the
#: tree has no secrets.
MADE = base64.b64encode(hashlib.sha256(b"made").digest(), b"ab").decode().rstrip("=")

SECRETS = [
    ("-----BEGIN " + "RSA PRIVATE KEY-----", "a private key"),
    ("-----BEGIN " + "PRIVATE KEY-----", "a private key"),
    (f"curl -H 'Authorization: Bearer hub_{MADE}'", "a token of the hub"),
    (f"X-API-Key: hubkey_{MADE}", "an API key of the hub"),
    ("aws = AKIA" + "Q7ZV3KX9M2JT5RWB", "a key of a cloud"),
    ("gh" + "p_" + MADE[:36], "a token of a code host"),
    (f"DATABASE_URL=postgres://hub:{MADE[:20]}@db/hub", "an address with a password"),
    (f'SECRET_KEY = "{MADE}x1Y"', "a value of something secret"),
    (f"password: {MADE}x1Y", "a value of something secret"),
    (f"'api_key': '{MADE}x1Y'", "a value of something secret"),
]

HARMLESS = [
    "SECRET_KEY=",
    "postgres://hub:password@127.0.0.1:5432/hub",
    "redis://:PASSWORD@redis.internal:6379/0",
    'token = secrets.token_urlsafe(32)  # "hub_" and 43 more',
    "password = form.cleaned_data['password_of_the_administrator']",
    "postgres://hub:{database_password}@postgres:5432/hub",
    "HUB_TOKEN_SECRET=change-me-change-me-change-me-change-me",
    "AKIA" + "A" * 16,
]


@pytest.mark.parametrize(("line", "what"), SECRETS)
def test_secret_is_found_by_file_and_line_and_not_shown(line: str, what: str, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    (tmp_path / "notes.txt").write_text(f"first\n{line}\n")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff")
    subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
    outcome = tree.look(tmp_path)
    assert f"notes.txt:2: {what}" in outcome.found
    assert MADE[:20] not in str(outcome)


@pytest.mark.parametrize("line", HARMLESS)
def test_example_is_no_secret(line: str) -> None:
    assert list(tree.secrets_of(line)) == []


def test_folder_without_git_is_no_clean_one(tmp_path: Path) -> None:
    assert tree.look(tmp_path).state == "found"


def package(name: str, *holes: dict[str, object]) -> dict[str, object]:
    return {"name": name, "version": "1.0", "vulns": list(holes)}


SKIPPED = {"name": "amqp", "skip_reason": "Dependency not found"}
HOLE: dict[str, object] = {"id": "GHSA-1", "fix_versions": ["1.1"]}

PYTHON = [
    ({"dependencies": [package("a"), package("b")]}, Outcome("clean", [], "2 packages")),
    (
        {"dependencies": [package("a", HOLE), SKIPPED]},
        Outcome("found", ["a 1.0: GHSA-1, mended in 1.1"], "1 packages, and 1 of which nothing is known"),
    ),
    (
        {"dependencies": [package("a", {"id": "X", "fix_versions": []})]},
        Outcome("found", ["a 1.0: X, mended in no version"], "1 packages"),
    ),
    ({"dependencies": [SKIPPED, SKIPPED]}, advisories.UNREACHABLE),
    ({"dependencies": []}, advisories.UNREACHABLE),
    ({"error": "ConnectionError: https://registry.invalid"}, advisories.UNREACHABLE),
    ([], advisories.UNREACHABLE),
]

NPM = [
    ({"vulnerabilities": {}}, Outcome("clean")),
    (
        {"vulnerabilities": {"ws": {"severity": "high", "range": "<8.17.1"}}},
        Outcome("found", ["ws: high (<8.17.1)"]),
    ),
    ({"message": "405 https://registry.invalid", "statusCode": 405}, advisories.UNREACHABLE),
]


@pytest.mark.parametrize(
    ("look", "answer", "outcome"),
    [
        *((advisories.look_at_python, *case) for case in PYTHON),
        *((advisories.look_at_npm, *case) for case in NPM),
    ],
)
@pytest.mark.parametrize("code", [0, 1])
def test_advisories_are_told(look: Look, answer: object, outcome: Outcome, code: int) -> None:
    assert look(BASE_DIR, printing(json.dumps(answer), code)) == outcome


@pytest.mark.slow
@pytest.mark.parametrize("look", [advisories.look_at_python, advisories.look_at_npm])
def test_registry_that_does_not_answer_is_no_failure(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advisories, "TIMEOUT", 0.5)
    hangs = [sys.executable, "-c", "import time; time.sleep(60)"]
    for command in (printing("Max retries with registry.invalid", 1), printing("", 1), hangs, ["/no/such/program"]):
        outcome = look(BASE_DIR, command)
        assert outcome == advisories.UNREACHABLE
        assert "not reachable" in outcome.note and "registry.invalid" not in str(outcome)


@pytest.mark.slow
def test_production_refuses_every_danger_that_a_variable_brings() -> None:
    of_no_variable = {"memory-layer", "pickle", "admin-password"}
    assert set(production.REFUSED) == set(NAMES) - of_no_variable
    assert production.look().found == []


@pytest.mark.slow
def test_settings_that_start_although_they_must_not_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(production, "REFUSED", {"debug": {"HUB_SIGNUP": "true"}, "sqlite": {"HUB_DEBUG": "true"}})
    started, other = production.look().found
    assert started == "Production starts with debug: HUB_SIGNUP."
    assert other.startswith("Production refuses sqlite for another reason: Error: HUB_DEBUG")


def test_what_was_found_is_the_exit_code(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    looks = {
        "clean": ("a", lambda: Outcome.of([], "7 files")),
        "unreachable": ("b", lambda: advisories.UNREACHABLE),
        "found": ("c", lambda: Outcome.of(["x:1: a key"])),
    }
    monkeypatch.setattr("lab.audit.__main__.LOOKS", looks)
    assert main(["clean", "unreachable"]) == 0
    assert main([]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["a: clean, 7 files", "b: not reachable: no registry answered, so nothing is known"]
    assert said[-2:] == ["c: 1 found", "  x:1: a key"]
    with pytest.raises(SystemExit):
        main(["everything"])


def test_looks_have_titles() -> None:
    assert list(LOOKS) == ["tree", "subjects", "production", "modes", "python", "npm"]
