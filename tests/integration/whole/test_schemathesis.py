"""Schemathesis, unmodified, over the document that the hub serves: a short run each time, a long one by `make fuzz`.

`positive_data_acceptance` is left out: a schema cannot say that an event's `source` is the desk that signs, or that an
NHS number has its check digit; such an event is well formed and still a 422.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hub.settings import ROOT
from tests.integration.whole.hub import Whole

LEFT_OUT = "positive_data_acceptance"


def run(hub: Whole, folder: Path, cases: int, phases: str) -> str:
    environ = os.environ | {
        "SCHEMATHESIS_HOOKS": "tests.integration.whole.desk_hooks",
        "DESK_PROFILE": str(hub.stack.identities.profile("council/chesil")),
        "HUB_AUDIENCE": hub.stack.url,
        "PYTHONPATH": str(ROOT),
    }
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{hub.stack.url}/openapi.json"),
        *("--url", hub.stack.url, "--checks", "all", "--exclude-checks", LEFT_OUT, "--phases", phases),
        *("--max-examples", str(cases), "--seed", "20260414", "--no-color"),
        # One worker: in two threads Python 3.11's own parser fails (CPython issue 106905).
        *("--workers", "1"),
        # A long poll takes half a minute.
        *("--request-timeout", "45", "--max-response-time", "45"),
    ]
    done = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=3_000, check=False
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    return done.stdout


@pytest.mark.timeout(600)
def test_no_failure_is_found_when_schemathesis_tries_the_document_shortly(
    whole: Whole, tmp_path: Path
) -> None:
    said = run(whole, tmp_path, 3, "fuzzing")
    assert re.search(r"(\d+) generated", said), said


@pytest.mark.fuzz
def test_no_failure_is_found_when_schemathesis_tries_two_thousand_cases(whole: Whole, tmp_path: Path) -> None:
    said = run(whole, tmp_path, 120, "examples,coverage,fuzzing,stateful")
    found = re.search(r"(\d+) generated", said)
    assert found is not None, said
    assert int(found[1]) >= 2_000
    print(said[-2_000:])
