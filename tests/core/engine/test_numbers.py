"""What the engine promises in numbers, in seconds; tests/benchmarks/engine_*.py measure at full size."""

import os
import statistics
from pathlib import Path

from faceplate.engine import window
from faceplate.engine.work import WORK
from faceplate.stabilise.pipeline import Memory
from faceplate_client.session import connect
from tests.benchmarks import engine_memory
from tests.benchmarks.engine_clients import MORE, compare
from tests.benchmarks.engine_kill import kill_often, shared_memory
from tests.benchmarks.engine_round_trip import HD, UHD, round_trips
from tests.support.engine_process import private_bytes
from tests.support.engines import engine_in
from tests.support.model_folder import add_stub_pack

TRIES = 3
"""A machine that is busy with other things may spoil a measurement, and never makes one better than it is."""


def test_a_4k_frame_there_and_back_costs_little_more_than_two_copies(folder):
    """The quickest of each: what is measured is the engine, not who else uses the machine."""
    with connect("numbers", wait=60) as engine:
        ratios = []
        while len(ratios) < TRIES and not any(ratio <= 1.5 for ratio in ratios):
            trips, copies = round_trips(engine, UHD, 8)
            ratios.append(min(trips) / min(copies))
    assert min(ratios) <= 1.5, ratios


def test_a_frame_is_seldom_late(folder):
    with connect("numbers", wait=60) as engine:
        ratios = []
        while len(ratios) < TRIES and not any(ratio <= 3.0 for ratio in ratios):
            trips = sorted(round_trips(engine, HD, 60)[0][10:])
            ratios.append(trips[int(len(trips) * 0.9)] / statistics.median(trips))
    assert min(ratios) <= 3.0, ratios


def test_kills_under_load_end_in_a_right_result_or_a_clear_failure(folder):
    before = shared_memory()
    found = kill_often(12)
    assert found.wrong == 0 and found.right + found.failed == 12 * 6
    assert found.right > 0, "not one request was repeated, or none was killed"
    assert found.longest < 5.0
    assert not shared_memory() - before
    assert {"engine.lock", "engine.sock", "spawn.lock"} >= {*os.listdir(folder)}


def test_memory_does_not_grow(tmp_path, monkeypatch):
    """A plate is 0.3 MB here: one that were kept of every request would show four times over."""
    monkeypatch.setenv("FACEPLATE_RUNTIME", str(tmp_path))
    monkeypatch.setenv("FACEPLATE_MODELS", str(add_stub_pack(tmp_path / "models")))
    monkeypatch.setattr(window, "_crops", Memory(2))
    monkeypatch.setattr(window, "_seen", Memory(4))
    with engine_in(tmp_path, idle=60.0, **WORK):
        first, last = engine_memory.held_after((30, 90))
    assert last - first < 5_000_000, (first, last)


def test_an_engine_opens_no_port(folder):
    with connect("numbers", wait=60) as engine:
        pid = engine.status(60)["pid"]
        assert pid != os.getpid() and private_bytes(pid) > 0
        held = {os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink()}
        sockets = {name for name in held if name.startswith("socket:")}
        assert len(sockets) >= 2, "it should at least listen, and hold a client's connection"
        for table in ("tcp", "tcp6", "udp", "udp6"):
            path = Path(f"/proc/{pid}/net", table)
            lines = path.read_text(encoding="ascii").splitlines()[1:] if path.exists() else []
            assert not sockets & {f"socket:[{line.split()[9]}]" for line in lines}


def test_three_clients_at_once_get_what_one_gets_alone_from_models_that_are_open_once(tmp_path):
    models = {"FACEPLATE_MODELS": str(add_stub_pack(tmp_path / "models"))}
    alone, together = compare(tmp_path, models, alone=("python",))
    assert len(together.results) == 3
    assert together.results["python"] == alone["python"].results["python"]
    stubs = {f"{stub}@1.0.0" for stub in ("finder", "crisper", "mean-colour", "content")}
    assert stubs <= set(together.models) and len(set(together.models)) == len(together.models)
    assert together.held <= MORE * alone["python"].held
