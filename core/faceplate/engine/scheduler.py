"""Which job runs next: somebody who waits goes before batch work, and clients take turns."""

import logging
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from faceplate.engine.jobs import Job, too_late
from faceplate_client.errors import Cancelled, EngineError, FaceplateError, RequestError

MOST_WAITING = 64
"""Jobs of one client that may wait."""

log = logging.getLogger("faceplate.engine")

Work = Callable[[Job], Mapping[str, Any]]


class _Turns:
    """Jobs of one priority: a queue for each client, taken from in turn."""

    def __init__(self) -> None:
        self._queues: OrderedDict[Hashable, deque[Job]] = OrderedDict()

    def add(self, job: Job) -> None:
        self._queues.setdefault(job.client, deque()).append(job)

    def next(self) -> Job | None:
        """The next job that nobody has taken back; its client goes to the end of the line."""
        while self._queues:
            client, queue = next(iter(self._queues.items()))
            job = queue.popleft()
            self._queues.move_to_end(client)
            if not queue:
                del self._queues[client]
            if not job.ended:
                return job
        return None

    def drop(self, job: Job) -> None:
        """Forget a job that was taken back."""
        queue = self._queues.get(job.client)
        if queue is not None and job in queue:
            queue.remove(job)
            if not queue:
                del self._queues[job.client]

    def __bool__(self) -> bool:
        return bool(self._queues)


class Scheduler:
    """Runs one job at a time in a thread of its own.

    Nets fill the whole machine, so two at once would only take twice as long each. What need not wait is a person:
    between two stages a batch job lets interactive ones pass, in the same thread.
    """

    def __init__(self, work: Mapping[str, Work]) -> None:
        """Args: `work`: operation -> what carries it out and returns the report."""
        self._work = work
        self._ready = threading.Condition()
        self._turns = {True: _Turns(), False: _Turns()}
        self._open: set[Job] = set()
        self._waiting: Counter[Hashable] = Counter()
        self._running = 0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="faceplate-work", daemon=True)
        self.done = self.failed = 0

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def expect(self, operation: str) -> None:
        """Raise RequestError unless there is such an operation."""
        if operation not in self._work:
            raise RequestError(
                f"there is no operation {operation}; there are {', '.join(sorted(self._work))}"
            )

    def submit(self, job: Job) -> None:
        """Queue a job; one that cannot be queued is answered at once."""
        with self._ready:
            if self._waiting[job.client] >= MOST_WAITING:
                busy = f"{MOST_WAITING} requests of this client wait already; wait for some, then ask again."
                job.fail(EngineError(busy, code="engine.busy"))
                return
            if not job.interactive:
                job.give_way = self._let_pass
            self._waiting[job.client] += 1
            self._open.add(job)
            self._turns[job.interactive].add(job)
            self._ready.notify()

    def take_back(self, job: Job, error: FaceplateError) -> None:
        """Answer a job with an error, unless its result is being written."""
        if job.take_back(error):
            self._forget(job)

    def expire(self, now: float) -> float | None:
        """Answer jobs whose deadline has passed; returns the next deadline, None when there is none."""
        with self._ready:
            timed = [job for job in self._open if job.deadline is not None and not job.ended]
        for job in timed:
            if job.overdue(now):
                self.take_back(job, too_late())
        return min(
            (job.deadline for job in timed if job.deadline is not None and not job.ended), default=None
        )

    def stop(self) -> None:
        """Answer every open job, and take no more."""
        with self._ready:
            self._stopping = True
            left = list(self._open)
            self._ready.notify()
        for job in left:
            self.take_back(job, EngineError("The engine was told to stop.", code="engine.stopping"))

    @property
    def idle(self) -> bool:
        """Whether no job is open."""
        return not self._open

    def counts(self) -> dict[str, int]:
        """How many jobs wait, run, are done and have failed."""
        with self._ready:
            waiting = sum(self._waiting.values())
        return {"queued": waiting, "running": self._running, "done": self.done, "failed": self.failed}

    def _next(self, *, urgent_only: bool) -> Job | None:
        with self._ready:
            job = self._turns[True].next() or (None if urgent_only else self._turns[False].next())
            if job is not None:
                job.began = time.monotonic()
                self._started(job)
            return job

    def _started(self, job: Job) -> None:
        self._waiting[job.client] -= 1
        if not self._waiting[job.client]:
            del self._waiting[job.client]

    def _forget(self, job: Job) -> None:
        """A job that was taken back leaves the count of those that wait, unless it had begun."""
        with self._ready:
            self._open.discard(job)
            if not job.began:
                self._turns[job.interactive].drop(job)
                self._started(job)

    def _run(self) -> None:
        while not self._stopping:
            job = self._next(urgent_only=False)
            if job is not None:
                self._carry_out(job)
                del job  # or its planes stay mapped until the next one comes
                continue
            with self._ready:
                if not self._stopping and not any(self._turns.values()):
                    self._ready.wait()

    def _let_pass(self) -> None:
        while (urgent := self._next(urgent_only=True)) is not None:
            self._carry_out(urgent)

    def _carry_out(self, job: Job) -> None:
        self._running += 1
        try:
            report = self._work[job.operation](job)
            self.done += 1  # before the answer goes out: who has it may ask at once how many are done
            if not job.succeed(report):
                self.done -= 1
        except Cancelled:
            job.fail(Cancelled("This request was taken back; nothing was written."))
        except FaceplateError as error:
            self._failed(job, error)
        except MemoryError:
            sentence = (
                "The engine ran out of memory on this plate. Close something, or work on a smaller one."
            )
            self._failed(job, EngineError(sentence, code="engine.memory"))
        except Exception as error:
            # One request's fault must not end everybody else's engine; the log has the rest.
            log.exception("request %d of %s failed", job.request, job.client)
            sentence = f"Something went wrong in the engine: {type(error).__name__}: {error}. `faceplate engine logs`"
            self._failed(job, FaceplateError(sentence, code="fault"))
        finally:
            self._running -= 1
            with self._ready:
                self._open.discard(job)

    def _failed(self, job: Job, error: FaceplateError) -> None:
        self.failed += 1
        if not job.fail(error):
            self.failed -= 1
