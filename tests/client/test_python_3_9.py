"""The client at work under the oldest Python that a host brings."""

import subprocess

import pytest

from tests.support.engines import engine_in
from tests.test_house import CORE, python_3_9

ASKS = """
import sys
sys.path.insert(0, sys.argv[1])
from faceplate_client import connect
with connect("a host of its time", start=False) as engine:
    plate, output = engine.plane((0, 0, 64, 36)), engine.plane((0, 0, 64, 36))
    plate.pixels[:] = bytes(range(256)) * (plate.size // 256)
    job = engine.submit("noop", inputs={"plate": plate}, outputs={"plate": output})
    assert job.result(30).outputs["plate"].pixels == plate.pixels and job.poll().state == "done"
    waiting = engine.submit("nap", inputs={}, outputs={"plate": output}, params={"seconds": 30})
    waiting.cancel()
    try:
        waiting.result(30)
    except Exception as error:
        print(error.code, engine.status()["done"])
"""


def test_the_client_works_under_python_3_9(tmp_path, monkeypatch):
    python = python_3_9()
    if python is None:
        pytest.skip("no Python 3.9 is installed here")
    monkeypatch.setenv("FACEPLATE_RUNTIME", str(tmp_path))
    with engine_in(tmp_path):
        told = subprocess.run(
            [python, "-I", "-S", "-B", "-c", ASKS, str(CORE)], capture_output=True, text=True, timeout=60
        )
    assert told.stdout.split() == ["cancelled", "1"], told.stderr
