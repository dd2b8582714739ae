"""The OpenAPI document holds: schemathesis makes requests from it to a real server, and finds nothing."""

import subprocess
import sys
import time

import pytest

from stagenorm.demo.server import serving
from stagenorm.ops.tokens import Tokens
from tests.ops.conftest import KEY, TOKEN


@pytest.mark.parametrize(
    ("option", "is_webhook"), [("--include-path", True), ("--exclude-path", False)], ids=["webhook", "the others"]
)
def test_schemathesis_finds_nothing(service, tmp_path, option, is_webhook):
    service.now = time.time()
    token = TOKEN if is_webhook else Tokens(KEY).issue("ada", service.now + 3600)
    with serving(service.app, 0) as url:
        command = [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", "run"]
        command += [f"{url}/openapi.json", "--header", f"Authorization: Bearer {token}", "--checks", "all"]
        command += ["--max-examples", "50", "--no-color", option, "/webhooks/alertmanager"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    assert "No issues found" in done.stdout
