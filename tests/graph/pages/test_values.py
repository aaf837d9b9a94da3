"""Metadata values: instants as timestamps, sizes with a unit."""

import datetime as dt

import dagster as dg
import pytest

from soccer_assets.graph.pages.values import size, timestamp


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (12_345_678, "12.3 MB"),
        (999_960, "1.0 MB"),
        (3_000_000_000, "3.0 GB"),
        (7_000_000_000_000_000, "7000.0 TB"),
    ],
)
def test_a_size_has_a_unit(count: int, text: str) -> None:
    """One digit after the point, in the largest unit below the number."""
    assert size(count) == text


@pytest.mark.parametrize("instant", ["2025-04-25T09:00:00Z", dt.datetime(2025, 4, 25, 9, tzinfo=dt.UTC)])
def test_an_instant_is_a_timestamp(instant: str | dt.datetime) -> None:
    """From text and from a datetime alike."""
    value = timestamp(instant, "never")

    assert isinstance(value, dg.TimestampMetadataValue)
    assert value.value == 1745571600.0


def test_a_missing_instant_is_a_text() -> None:
    assert timestamp(None, "no result yet").value == "no result yet"
