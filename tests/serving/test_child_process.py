"""The child process: who waits for it, and what happens when it dies."""

import asyncio
import os
import signal
import time

import pytest

from serving.child_process import HANG_SECONDS, ChildBusyError, ChildFailedError, ChildProcess


def die():
    """Take the process down."""
    os._exit(1)


def test_clients_are_refused_where_too_many_wait_and_the_sidecar_itself_is_not(monkeypatch):
    """The bound is for requests: a reload that checks a model always gets its turn."""
    monkeypatch.setattr("serving.child_process.MAX_WAITING", 1)

    async def ask():
        child = ChildProcess()
        answers = await asyncio.gather(
            child.run_for_client(os.getpid),
            child.run_for_client(os.getpid),
            child.run(os.getpid),
            return_exceptions=True,
        )
        child.close()
        return answers

    first, second, own = asyncio.run(ask())

    assert first == own != os.getpid()
    assert isinstance(second, ChildBusyError)


def test_a_death_is_told_once_and_the_next_call_has_another_process():
    """The owner of state in the child is notified that it is lost."""
    deaths = []

    async def ask():
        child = ChildProcess(on_death=lambda: deaths.append(1))
        before = await child.run(os.getpid)
        with pytest.raises(ChildBusyError):
            await child.run(die)
        after = await child.run(os.getpid)
        child.close()
        return before, after

    before, after = asyncio.run(ask())

    assert before != after
    assert deaths == [1]


def test_a_child_that_hangs_is_killed_and_all_who_wait_are_told():
    """Otherwise every later request would wait for ever, and so would the reload of a release."""

    async def ask():
        child = ChildProcess()
        before = await child.run(os.getpid)
        os.kill(before, signal.SIGSTOP)
        child._hang_seconds = 0.2
        answers = await asyncio.gather(
            child.run_for_client(os.getpid), child.run(os.getpid), return_exceptions=True
        )
        child._hang_seconds = HANG_SECONDS
        after = await child.run(os.getpid)
        child.close()
        return before, answers, after

    before, answers, after = asyncio.run(ask())

    assert [type(answer) for answer in answers] == [ChildBusyError, ChildBusyError]
    assert before != after


def test_a_child_that_is_slow_is_not_killed():
    """It uses processor time, if little: the bound is for one that does nothing."""

    async def ask():
        child = ChildProcess()
        child._hang_seconds = 0.2
        child._processor_time = iter(range(10**6)).__next__
        before = await child.run(os.getpid)
        await child.run(time.sleep, 0.5)
        after = await child.run(os.getpid)
        child.close()
        return before, after

    before, after = asyncio.run(ask())

    assert before == after


def test_the_child_gives_way_to_the_event_loop():
    """Where all cores are busy the look-ups of its parent come first."""

    async def ask():
        child = ChildProcess()
        found = await child.run(os.getpriority, os.PRIO_PROCESS, 0)
        child.close()
        return found

    assert asyncio.run(ask()) == min(os.getpriority(os.PRIO_PROCESS, 0) + 5, 19)


def test_an_exception_of_the_function_says_what_it_was():
    """What a function raises is a failure with its type and text, and leaves the process alive."""

    async def ask():
        child = ChildProcess()
        before = await child.run(os.getpid)
        with pytest.raises(ChildFailedError, match="ValueError: invalid literal"):
            await child.run(int, "x")
        after = await child.run(os.getpid)
        child.close()
        return before, after

    before, after = asyncio.run(ask())

    assert before == after
