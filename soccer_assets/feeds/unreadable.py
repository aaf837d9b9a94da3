"""Files of a feed that cannot be read: reported with what was found and what to do; the others go on."""

from soccer_assets.feeds.fields import brief
from soccer_assets.football.records import UnreadableFile

# How every such reason begins: the check of a feed's files finds them by it.
FILE_PASSED_OVER = "file passed over: "

# What servers say of a file that they do not have yet, when somebody saves the answer in its place.
_NOT_THERE_YET = (b"300 multiple choices", b"404: not found", b"404 not found")
_START = 2048


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
