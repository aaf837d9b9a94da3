"""How a step ends after an error: for good, or to be tried again; and at once where its run is cancelled.

Dagster's retry policy takes an interrupt for an error too: a cancelled step would be tried again five minutes
later, and its run would stay cancelling for as long.
"""

import contextlib
from collections.abc import Iterator

import dagster as dg

from soccer_assets.alerting.failed_step import REMEDY
from soccer_assets.stores.releases.origin import OriginRefusedError

# On runs that a person waits for: they fail at once where a scheduled run retries.
INTERACTIVE_TAG = "soccer/interactive"

MAX_RETRIES = 3
# A provider that is away is often back within minutes; the next hourly run would be a later try.
SECONDS_TO_WAIT = 300


@contextlib.contextmanager
def refused(*errors: type[Exception]) -> Iterator[None]:
    """Fail the step for good where the block raises one of these errors, with its sentence and way out.

    Raises:
        Failure: in place of such an error; it allows no retry.
    """
    try:
        yield
    except errors as error:
        metadata = {REMEDY: error.remedy} if isinstance(error, OriginRefusedError) else None
        raise dg.Failure(str(error), metadata, allow_retries=False) from error


@contextlib.contextmanager
def retried(context: dg.AssetExecutionContext) -> Iterator[None]:
    """Try the step again after an error in the block, unless a person waits for the run.

    Raises:
        RetryRequested: in place of an error, or of a `Failure` that allows retries.
    """
    try:
        yield
    except Exception as error:
        is_final = isinstance(error, dg.Failure) and not error.allow_retries
        if is_final or INTERACTIVE_TAG in context.run.tags:
            raise
        raise dg.RetryRequested(max_retries=MAX_RETRIES, seconds_to_wait=SECONDS_TO_WAIT) from error
