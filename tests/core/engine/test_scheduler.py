"""Who goes first, and that every job is answered exactly once."""

import threading
import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.engine.jobs import Job, printable
from faceplate.engine.scheduler import MOST_WAITING, Scheduler
from faceplate_client.errors import Cancelled, EngineError, RequestError
from faceplate_client.wire import Kind


class Desk:
    """Hands in jobs and keeps what is answered."""

    def __init__(self, **work):
        self.order, self.answers, self.numbers = [], [], 0
        self.gate = threading.Event()
        self.scheduler = Scheduler({"note": self._note, "wait": self._wait, **work})

    def _note(self, job):
        self.order.append((job.client, job.request))
        return {}

    def _wait(self, job):
        self.gate.wait(10)
        job.stage("waited", 0.5)
        return self._note(job)

    def job(self, client="a", operation="note", *, interactive=True, deadline=None):
        self.numbers += 1
        return Job(
            client, self.numbers, operation, {}, {}, {}, interactive,
            lambda job, kind, body: self.answers.append((job.request, kind, body)), deadline,
        )  # fmt: skip

    def hand_in(self, *places, **more):
        job = self.job(*places, **more)
        self.scheduler.submit(job)
        return job

    def finish(self):
        until = time.monotonic() + 10
        while not self.scheduler.idle:
            assert time.monotonic() < until
            time.sleep(0.001)

    def last_words(self):
        return [(request, kind) for request, kind, _ in self.answers if kind is not Kind.PROGRESS]


def test_one_clients_jobs_run_in_the_order_they_came():
    desk = Desk()
    jobs = [desk.hand_in() for _ in range(20)]
    desk.scheduler.start()
    desk.finish()
    assert desk.order == [("a", job.request) for job in jobs]


def test_clients_take_turns_however_much_one_asks_for():
    desk = Desk()
    for client, count in (("a", 30), ("b", 3), ("c", 2)):
        for _ in range(count):
            desk.hand_in(client)
    desk.scheduler.start()
    desk.finish()
    assert [client for client, _ in desk.order[:8]] == ["a", "b", "c", "a", "b", "c", "a", "b"]


def test_somebody_who_waits_goes_before_batch_work():
    desk = Desk()
    batch = [desk.hand_in("farm", interactive=False) for _ in range(3)]
    person = desk.hand_in("nuke")
    desk.scheduler.start()
    desk.finish()
    assert [request for _, request in desk.order] == [person.request, *(job.request for job in batch)]


def test_a_batch_job_that_runs_steps_aside_between_its_stages():
    desk = Desk()
    batch = desk.hand_in("farm", "wait", interactive=False)
    desk.scheduler.start()
    while desk.scheduler.counts()["running"] == 0:
        time.sleep(0.001)
    person, other = desk.hand_in("nuke"), desk.hand_in("farm", interactive=False)
    desk.gate.set()
    desk.finish()
    assert [request for _, request in desk.order] == [person.request, batch.request, other.request]


def test_a_job_with_a_fault_fails_alone():
    def faulty(job):
        return 1 / 0

    def greedy(job):
        raise MemoryError

    desk = Desk(faulty=faulty, greedy=greedy)
    for name in ("faulty", "greedy", "note"):
        desk.hand_in("a", name)
    desk.scheduler.start()
    desk.finish()
    assert [body.get("code") for _, _, body in desk.answers] == ["fault", "engine.memory", None]
    assert desk.scheduler.counts() == {"queued": 0, "running": 0, "done": 1, "failed": 2}


def test_a_job_whose_deadline_passed_is_answered_and_never_run():
    desk = Desk()
    late = desk.hand_in(deadline=time.monotonic() - 1)
    soon = desk.hand_in(deadline=time.monotonic() + 60)
    assert desk.scheduler.expire(time.monotonic()) == soon.deadline
    desk.scheduler.start()
    desk.finish()
    assert desk.order == [("a", soon.request)]
    assert desk.answers[0][0] == late.request and desk.answers[0][2]["code"] == "engine.deadline"


def test_too_many_jobs_of_one_client_are_refused_and_another_client_is_not():
    desk = Desk()
    for _ in range(MOST_WAITING):
        desk.hand_in("a")
    refused, welcome = desk.hand_in("a"), desk.hand_in("b")
    assert [(request, body["code"]) for request, _, body in desk.answers] == [
        (refused.request, "engine.busy")
    ]
    assert not welcome.ended


def test_what_is_taken_back_makes_room_at_once():
    """A client that asks and takes back, again and again, costs nothing."""
    desk = Desk()
    for _ in range(10 * MOST_WAITING):
        desk.scheduler.take_back(desk.hand_in("a"), Cancelled("no"))
    assert desk.scheduler.counts()["queued"] == 0 and desk.scheduler.idle
    assert not any(desk.scheduler._turns.values())


def test_a_stop_answers_everybody():
    desk = Desk()
    jobs = [desk.hand_in(client, interactive=client == "a") for client in "abc"]
    desk.scheduler.stop()
    assert Counter(desk.last_words()) == Counter((job.request, Kind.ERROR) for job in jobs)


def test_a_job_that_writes_can_no_longer_be_taken_back_and_one_taken_back_cannot_write():
    desk = Desk()
    job = desk.job()
    with job.writing():
        assert not job.take_back(Cancelled("no"))
    assert job.succeed({})
    other = desk.job()
    assert other.take_back(Cancelled("no"))
    with pytest.raises(Cancelled), other.writing():
        raise AssertionError("it wrote")
    with pytest.raises(Cancelled):
        other.stage("next", 0.5)
    assert not other.succeed({}) and not other.fail(EngineError("no"))
    assert len(desk.last_words()) == 2


def test_an_unknown_operation_is_refused_with_those_there_are():
    with pytest.raises(RequestError, match="note, wait"):
        Desk().scheduler.expect("paint")


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.booleans(), st.sampled_from(("stay", "before", "during"))),
        max_size=12,
    )
)
def test_every_job_is_answered_exactly_once_whenever_it_is_taken_back(asked):
    desk = Desk()
    jobs = [(desk.hand_in(client, interactive=urgent), when) for client, urgent, when in asked]
    for job, when in jobs:
        if when == "before":
            desk.scheduler.take_back(job, Cancelled("no"))
    desk.scheduler.start()
    for job, when in jobs:
        if when == "during":
            desk.scheduler.take_back(job, Cancelled("no"))
    desk.finish()
    desk.scheduler.stop()
    assert Counter(request for request, _ in desk.last_words()) == Counter(job.request for job, _ in jobs)
    results = {request for request, kind in desk.last_words() if kind is Kind.RESULT}
    assert {job.request for job, when in jobs if when == "stay"} <= results
    assert not results & {job.request for job, when in jobs if when == "before"}
    assert desk.scheduler.counts()["queued"] == 0


@given(st.text())
def test_any_sentence_can_be_made_printable(words):
    from faceplate_client.wire import encode

    encode(Kind.ERROR, 1, {"code": "error", "sentence": printable(words)})
