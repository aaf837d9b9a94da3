"""Change numbers under concurrent and failing writers."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from soccer_assets.resources.watermarks import next_change_no


def test_change_numbers_rise_in_the_order_of_commits(database):
    """Two writers take turns, so a reader that saw a number never misses a lower one."""
    committed: list[int] = []

    def write(_: int) -> None:
        for _ in range(10):
            with database.writing() as connection:
                number = next_change_no(connection)
                time.sleep(0.002)
                committed.append(number)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, range(2)))

    assert committed == list(range(1, 21))


def test_a_writer_that_fails_leaves_nothing_behind(database):
    """An error inside a transaction undoes it, and the next writer gets the same number."""

    def fails() -> None:
        with database.writing() as connection:
            next_change_no(connection)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()

    with database.writing() as connection:
        assert next_change_no(connection) == 1
