"""The errors of backtests and replays, with one base class."""


class BacktestingError(Exception):
    """Base of all errors of this package; the message says what to change."""


class ArchiveError(BacktestingError, ValueError):
    """The file is no match archive, or holds nothing to train or test on."""


class ReplayError(BacktestingError):
    """The replay cannot start; the message says what to write instead."""


class JobFailedError(BacktestingError):
    """A step or a blocking check of a job failed; the steps after it did not run."""
