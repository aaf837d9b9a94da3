"""Files of a feed that cannot be read: reported with what was found and what to do; the others go on.

An answer of a provider's server is a file too. A feed is refused as a whole only where none can be read. Of a
CSV file that ends too early the rows that are whole are read.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from soccer_assets.feeds.base import SETTING
from soccer_assets.feeds.fields import brief, decode_json
from soccer_assets.feeds.http import FileClient
from soccer_assets.feeds.protocol import FeedError, FeedRefusedError, FeedUnavailableError
from soccer_assets.football.records import UnreadableFile

# How every such reason begins: the check of a feed's files finds them by it.
FILE_PASSED_OVER = "file passed over: "
# And where its rows are read as far as they go.
FILE_ENDS_EARLY = "file ends early: "
FILE_FAULTS = (FILE_PASSED_OVER, FILE_ENDS_EARLY)

# What servers say of a file that they do not have yet, when somebody saves the answer in its place.
_NOT_THERE_YET = (b"300 multiple choices", b"404: not found", b"404 not found")
_START = 2048
_HEADER_AND_TWO_ROWS = 3

# A server that answers so often without data, and never with some, blocks the program: it is left alone.
GIVE_UP_AFTER = 5


class UnreadFile(NamedTuple):
    """A file that cannot be read: its report, and the error where no file can."""

    report: UnreadableFile
    error: FeedError


class JsonFile(NamedTuple):
    """A file of JSON that a feed asks for.

    Attributes:
        source: name of the feed.
        url: the file's address.
        competition: code of the competition whose matches it has; empty where it has several.
        expected: what its document is, such as "an object with a list 'matches'".
    """

    source: str
    url: str
    competition: str
    expected: str


def read_json_rows(
    client: FileClient, file: JsonFile, rows_of: Callable[[Any], list[Any] | UnreadFile | None]
) -> list[Any] | UnreadFile | None:
    """The rows of a file; None where there is no such file, also where a saved page says so.

    Args:
        client: reads addresses.
        file: the file.
        rows_of: the rows of its document; None where it is another document.

    Raises:
        FeedUnavailableError: the provider does not answer: no other file can be read either.
    """
    try:
        found = client.read(file.url)
    except FeedRefusedError as error:
        return _unread(file, b"", str(error), error)
    if found is None or is_not_there_yet(found):
        return None
    return rows_of_answer(file, client.without_secrets_in(found), rows_of)


def rows_of_answer(
    file: JsonFile, data: bytes, rows_of: Callable[[Any], list[Any] | UnreadFile | None]
) -> list[Any] | UnreadFile:
    """The rows of a file that was read.

    Args:
        file: the file.
        data: its bytes, without secrets.
        rows_of: the rows of its document; None where it is another document.
    """
    where = f"{SETTING}: {file.url}"
    try:
        document = decode_json(data, where)
    except FeedError as error:
        return _unread(file, data, _what_is_wrong(data, error), error)
    rows = rows_of(document)
    if rows is None:
        other = FeedRefusedError(f"{where}: {file.expected} was expected, not {brief(document)}")
        return _unread(file, data, f"{file.expected} was expected; replace it by the provider's file", other)
    return rows


class Answers:
    """The answers of one look at an interface: which could be read, and the reports of the others."""

    def __init__(self) -> None:
        self._unread: list[UnreadFile] = []
        self._is_one_read = False

    def rows(self, answer: list[Any] | UnreadFile) -> list[Any]:
        """The rows of an answer; none where it cannot be read.

        Raises:
            FeedUnavailableError: so many answers were cut, and none could be read.
            FeedRefusedError: so many answers cannot be read, and none could.
        """
        if not isinstance(answer, UnreadFile):
            self._is_one_read = True
            return answer
        self._unread.append(answer)
        if len(self._unread) >= GIVE_UP_AFTER and not self._is_one_read:
            refuse_if_all(self._unread)
        return []

    def reports(self) -> list[UnreadableFile]:
        """The reports of the answers that could not be read.

        Raises:
            FeedUnavailableError: none could be read; one of them was cut.
            FeedRefusedError: none could be read.
        """
        if not self._is_one_read:
            refuse_if_all(self._unread)
        return [one.report for one in self._unread]


def refuse_if_all(unread: Sequence[UnreadFile]) -> None:
    """Raise the error of the first of these files, for a feed of which not one file can be read.

    Raises:
        FeedUnavailableError: one file is cut: a later attempt may succeed.
        FeedRefusedError: none is.
    """
    may_help = (one.error for one in unread if isinstance(one.error, FeedUnavailableError))
    if unread:
        raise next(may_help, unread[0].error)


def _unread(file: JsonFile, data: bytes, fault: str, error: FeedError) -> UnreadFile:
    return UnreadFile(unreadable_file(file.source, file.url, file.competition, data, fault), error)


def _what_is_wrong(data: bytes, error: FeedError) -> str:
    if not data.strip():
        return "the file is empty: JSON was expected; delete it, or load it again"
    if is_html(data):
        return "the file is a page of a website: JSON was expected; delete it, or load the data again"
    if isinstance(error, FeedUnavailableError):
        return "the JSON is cut or broken; load it again"
    return "JSON was expected; replace it by the provider's file"


def is_not_there_yet(data: bytes) -> bool:
    """Whether a saved answer says that there is no such file: football-data.co.uk answers 300 with a page."""
    start = data[:_START].lower()
    return any(phrase in start for phrase in _NOT_THERE_YET) and (
        b"<html" in start or b"<!doctype" in start or start.strip() in _NOT_THERE_YET
    )


def is_html(data: bytes) -> bool:
    """Whether the bytes are a page rather than data."""
    start = data[:_START].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<body"))


def last_row_is_cut(data: bytes, rows: Sequence[Sequence[str]]) -> bool:
    """Whether a CSV file ends inside its last row: without a line end, and before every other row ends.

    A program that leaves empty cells at the end of rows away writes other rows that are short, too.

    Args:
        data: the file.
        rows: its cells; the header first.
    """
    if len(rows) < _HEADER_AND_TWO_ROWS or data.endswith((b"\n", b"\r")):
        return False
    last = rows[-1]
    return any(map(str.strip, last)) and len(last) < min(len(row) for row in rows[:-1] if any(row))


def cut_file(source: str, url: str, competition: str, last_row: str) -> UnreadableFile:
    """The report of a file whose last row is cut; its other rows are read.

    Args:
        source: name of the feed.
        url: the file's address.
        competition: code of the competition whose matches it has; empty where it has several.
        last_row: the beginning of the cut row.
    """
    return UnreadableFile(
        source=source,
        reason=f"{FILE_ENDS_EARLY}{url}: its last row is cut, the rows before it are read; load it again",
        payload={"file": url, "competition": competition, "found": brief(last_row[:40])},
    )


def shortened_file(source: str, competition: str) -> UnreadableFile:
    """The report of a competition whose list ends before results that it had.

    The text is the same at each look, so that it tells since when.
    """
    return UnreadableFile(
        source=source,
        reason=(
            f"{FILE_ENDS_EARLY}{source}: {competition} ends before results that it had at an earlier look; "
            f"they stay as they are; load its file again, or ask the provider"
        ),
        payload={"file": source, "competition": competition, "found": ""},
    )


def stopped_list(source: str, competition: str, season: str, found: str) -> UnreadableFile:
    """The report of a season whose list stops too soon, and how far it goes; one text until it grows."""
    return UnreadableFile(
        source=source,
        reason=(
            f"{FILE_ENDS_EARLY}{source}: {competition} {season} has {found}; load its file again, or ask the "
            f"provider"
        ),
        payload={"file": source, "competition": competition, "found": ""},
    )


def unreadable_file(source: str, url: str, competition: str, data: bytes, fault: str) -> UnreadableFile:
    """The report of one file.

    Args:
        source: name of the feed.
        url: the file's address.
        competition: code of the competition whose matches it has; empty where it has several.
        data: what was found there.
        fault: what is wrong, and what to do.
    """
    return UnreadableFile(
        source=source,
        reason=f"{FILE_PASSED_OVER}{url}: {fault}",
        payload={
            "file": url,
            "competition": competition,
            "found": brief(data[:40].decode("utf-8", "replace")),
        },
    )
