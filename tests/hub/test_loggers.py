"""The hub's lines inside a project: in its logging, as it has set that up, and structlog stays as it is."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from lab.harness.environment import BASE_DIR

pytestmark = pytest.mark.any_database

PACKAGES = ("chat", "hub", "notifications", "presence", "worker")

PROGRAM = """
import json, logging, structlog
from hub.logs import get_logger
log = get_logger("hub.somewhere")
records = []

class Handler(logging.Handler):
    def emit(self, record):
        records.append([record.name, record.levelname, record.getMessage(), bool(record.exc_info)])

logging.getLogger().addHandler(Handler())
logging.getLogger("hub").setLevel("INFO")
log.info("relay_joined", groups=3, who="ada")
log.debug("not_wanted")
log.warning("percent", text="100 %s", url="redis://:s3cret-w0rd@host/0")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("failed")
print(json.dumps([records, structlog.is_configured()]))
"""


@pytest.mark.slow
def test_events_are_records_of_the_standard_library() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=BASE_DIR, capture_output=True, text=True, check=True, timeout=60
    )
    records, configured = json.loads(ended.stdout)
    joined, percent, failed = records
    assert joined == ["hub.somewhere", "INFO", "relay_joined groups=3 who='ada'", False]
    assert percent[2].startswith("percent text='100 %s' url=")
    assert "s3cret" not in percent[2]
    assert failed == ["hub.somewhere", "ERROR", "failed", True]
    assert not configured
    assert ended.stderr == ""


WITH_TRACEBACKS = """
import io, logging, sys
from hub.logs import get_logger, library_logger
log, library = get_logger("hub.somewhere"), library_logger("hub.elsewhere")
written = io.StringIO()
logging.basicConfig(stream=written, format="%(name)s %(message)s")

def ask():
    raise ConnectionError("redis://:s3cret-w0rd@host/0 refused ?token=s3cret-w0rd")

try:
    ask()
except ConnectionError:
    log.exception("not_asked", query="token=s3cret-w0rd", stack_info=True)
    library.error("GET %s", "/ws/?token=s3cret-w0rd", exc_info=True)
print(written.getvalue())
"""


@pytest.mark.slow
def test_tracebacks_have_no_secrets_whoever_writes_them() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", WITH_TRACEBACKS], cwd=BASE_DIR, capture_output=True, text=True, check=True, timeout=60
    )
    assert "s3cret" not in ended.stdout
    assert ended.stdout.count("ConnectionError: redis://:[removed]@host/0 refused ?token=[removed]") == 2
    assert "hub.somewhere not_asked query='token=[removed]'" in ended.stdout
    assert "hub.elsewhere GET /ws/?token=[removed]" in ended.stdout
    assert ended.stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_takes_its_logger_from_the_hub(package: str) -> None:
    found = [
        f"{file.relative_to(BASE_DIR)}:{node.lineno}"
        for file in sorted(Path(BASE_DIR, package).rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "structlog.get_logger"
    ]
    assert found == []
