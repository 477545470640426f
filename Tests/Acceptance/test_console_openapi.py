"""The console does what its OpenAPI document says, whatever it is asked: schemathesis makes
requests out of the document, and judges the answers by it."""

import os
import pathlib
import subprocess
import sys

import pytest

from harness.operator import start
from harness.process import ACCEPTANCE
from harness.tokens import ENVIRONMENT

CONFIGURATION = """\
console 127.0.0.1:$console { token env:CONSOLE_TOKEN }
state $state
listen 127.0.0.1:$http
sessions boards { store query:store_id; role query:role; limit admin 2 block_new }
route / { events; sessions boards; backend nobody }
backend nobody { server 127.0.0.1:$spare }
"""


@pytest.mark.timeout(180)
def test_every_answer_is_one_that_the_document_promises(start_gateway, tmp_path):
    gateway, console = start(start_gateway, CONFIGURATION, state=tmp_path / "state")
    done = subprocess.run(
        [
            pathlib.Path(sys.executable).parent / "schemathesis",
            "--config-file", ACCEPTANCE / "schemathesis.toml",
            "run", f"{console.url}/openapi.json",
            "--header", f"Authorization: Bearer {ENVIRONMENT['CONSOLE_TOKEN']}",
            "--max-examples", "40", "--generation-deterministic", "--no-color",
        ],
        cwd=tmp_path, capture_output=True, text=True, timeout=170,
        env={**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path / "hypothesis")},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert gateway.is_alive()
    assert console.get("/counts")["kept"]["failing"] is False
