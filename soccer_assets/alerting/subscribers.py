"""Subscribers: a file that only its owner may read, with `${VARIABLES}` in place of secrets."""

import datetime as dt
import fnmatch
import os
import re
import secrets
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from string import Template
from urllib.parse import quote, unquote

import msgspec
from filelock import FileLock

from soccer_assets.alerting.alerting_error import AlertingError
from soccer_assets.alerting.faults import FORECAST, KINDS, Condition
from soccer_assets.alerting.quiet_hours import QuietHoursError, check_quiet_hours, is_quiet

# The id of the event stream, which is told everything.
EVENTS = "events"

_OWNER_ONLY = 0o600
# Shorter parts of an address are words such as `to` and `hook`, not secrets.
_ADDRESS_PART = re.compile(r"[^/:@?&=]{8,}")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*(?=://)", re.IGNORECASE)


class SubscriberError(AlertingError, ValueError):
    """The subscribers' file or a subscription cannot be used; the message names the remedy."""


class Subscriber(msgspec.Struct, frozen=True, kw_only=True):
    """An address and its filters.

    Attributes:
        id: six hex digits, for the commands of `soccer alerts`.
        url: an Apprise address such as ``mailtos://...`` or ``slack://...``; may hold ``${VARIABLE}``.
        kinds: kinds of conditions; empty for all.
        subjects: patterns of asset keys, jobs or addresses, such as ``features/*``; empty for all.
        note: free text for `soccer alerts list`.
        muted_until: no message before; faults still open then are sent.
        remind_hours: hours after which an open fault is repeated.
        follows: ``team:ID`` and ``match:ID``: a follower hears of their forecasts and of no faults; empty for
            a subscriber of alerts.
        quiet: hours in which a follower hears nothing: ``22:00-07:00 Europe/Berlin``; empty for none.
        since: news before it is not told.
    """

    id: str
    url: str
    kinds: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    note: str = ""
    muted_until: dt.datetime | None = None
    remind_hours: float = 24.0
    follows: tuple[str, ...] = ()
    quiet: str = ""
    since: dt.datetime | None = None

    @property
    def redacted(self) -> str:
        """The address as output may show it: its scheme only."""
        found = _SCHEME.match(self.url)
        return f"{found.group().lower()}://***" if found else "***"

    @property
    def variables(self) -> list[str]:
        """Names of the variables in the address."""
        return Template(self.url).get_identifiers()

    def wants(self, condition: Condition) -> bool:
        """Whether the condition passes the filters."""
        if self.follows:  # asked what is followed before: `notifier.tell_followers`
            return condition.kind == FORECAST
        is_kind = not self.kinds or condition.kind in self.kinds
        return is_kind and (
            not self.subjects or any(fnmatch.fnmatch(condition.subject, pattern) for pattern in self.subjects)
        )

    def is_muted(self, now: dt.datetime) -> bool:
        """Whether messages are held back at ``now``."""
        return (self.muted_until is not None and now < self.muted_until) or is_quiet(self.quiet, now)

    def address(self, environ: Mapping[str, str]) -> str:
        """The address with its variables filled in, each percent-encoded.

        A value is data: a ``@`` or ``/`` in a password must not end the password, and ``%41`` is no ``A``.

        Raises:
            SubscriberError: a variable is not set.
        """
        encoded = {name: quote(value, safe="") for name, value in self._variables(environ)}
        # Apprise decodes the query twice, every other part once.
        twice = {name: value.replace("%25", "%2525") for name, value in encoded.items()}
        before, mark, query = self.url.partition("?")
        try:
            return f"{Template(before).substitute(encoded)}{mark}{Template(query).substitute(twice)}"
        except (KeyError, ValueError) as error:
            raise SubscriberError(
                f"subscriber {self.id}: {error} in its address is not set in this process's environment; "
                "set it and start `soccer up`, or the deployment's containers, again"
            ) from None

    def secrets(self, environ: Mapping[str, str]) -> set[str]:
        """What no output may show: values of its variables and parts of its address, encoded or not."""
        values = {value for _, value in self._variables(environ)}
        parts = {part for part in _ADDRESS_PART.findall(self.url) if "$" not in part}
        found = values | parts
        return {form for text in found for form in (text, quote(text, safe=""), unquote(text)) if form}

    def _variables(self, environ: Mapping[str, str]) -> list[tuple[str, str]]:
        return [(name, environ[name]) for name in self.variables if name in environ]


class Subscribers:
    """The subscribers' file of a home or deployment."""

    def __init__(self, file: Path) -> None:
        """Bind to a file, which need not exist."""
        self._file = file

    def all(self) -> tuple[Subscriber, ...]:
        """Every subscriber; empty where there is no file.

        Raises:
            SubscriberError: others may read the file, it cannot be read, or it is not valid.
        """
        try:
            mode = self._file.stat().st_mode
            data = self._file.read_bytes()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise SubscriberError(
                f"{self._file} cannot be read ({error.strerror}); make it a file of who runs `soccer`"
            ) from None
        if stat.S_IMODE(mode) & ~_OWNER_ONLY:
            raise SubscriberError(f"{self._file} can be read by others; run chmod 600 {self._file}")
        try:
            return msgspec.json.decode(data, type=tuple[Subscriber, ...])
        except msgspec.DecodeError as error:
            raise SubscriberError(f"{self._file} is not valid: {error}") from None

    def subscribe(
        self,
        url: str,
        *,
        kinds: tuple[str, ...] = (),
        subjects: tuple[str, ...] = (),
        note: str = "",
        remind_hours: float = 24.0,
    ) -> Subscriber:
        """Add a subscriber.

        Raises:
            SubscriberError: the address is not valid, or a kind is unknown.
        """
        _check_address(url)
        if unknown := set(kinds) - set(KINDS):
            raise SubscriberError(f"unknown kind {min(unknown)!r}; use {', '.join(KINDS)}")
        subscriber = Subscriber(
            id=secrets.token_hex(3),
            url=url,
            kinds=kinds,
            subjects=subjects,
            note=note,
            remind_hours=remind_hours,
        )
        self._change(lambda before: (*before, subscriber))
        return subscriber

    def follow(self, url: str, follows: tuple[str, ...], now: dt.datetime, *, quiet: str = "") -> Subscriber:
        """Add a follower of teams' and matches' forecasts.

        Args:
            url: an Apprise address.
            follows: ``team:ID`` or ``match:ID``, at least one.
            now: news before it is not told.
            quiet: as in `Subscriber`.

        Raises:
            SubscriberError: the address or the quiet hours cannot be read.
        """
        _check_address(url)
        try:
            if quiet:
                check_quiet_hours(quiet)
        except QuietHoursError as error:
            raise SubscriberError(str(error)) from None
        follower = Subscriber(id=secrets.token_hex(3), url=url, follows=follows, quiet=quiet, since=now)
        self._change(lambda before: (*before, follower))
        return follower

    def unsubscribe(self, subscriber_id: str) -> None:
        """Remove a subscriber.

        Raises:
            SubscriberError: no subscriber has that id.
        """
        self.get(subscriber_id)
        self._change(lambda before: tuple(each for each in before if each.id != subscriber_id))

    def mute(self, subscriber_id: str, until: dt.datetime) -> None:
        """Send nothing to a subscriber before ``until``.

        Raises:
            SubscriberError: no subscriber has that id.
        """
        self.get(subscriber_id)
        self._change(
            lambda before: tuple(
                msgspec.structs.replace(each, muted_until=until) if each.id == subscriber_id else each
                for each in before
            )
        )

    def get(self, subscriber_id: str) -> Subscriber:
        """The subscriber of an id.

        Raises:
            SubscriberError: no subscriber has that id.
        """
        for subscriber in self.all():
            if subscriber.id == subscriber_id:
                return subscriber
        raise SubscriberError(f"no subscriber {subscriber_id!r}; `soccer alerts list` shows all")

    def _change(self, change: Callable[[tuple[Subscriber, ...]], tuple[Subscriber, ...]]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self._file.with_suffix(".lock"), timeout=10):
            data = msgspec.json.format(msgspec.json.encode(change(self.all())), indent=2)
            scratch = self._file.with_suffix(".new")
            scratch.unlink(missing_ok=True)
            with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "wb") as file:
                file.write(data + b"\n")
            scratch.replace(self._file)


def _check_address(url: str) -> None:
    from apprise import Apprise  # noqa: PLC0415 - 0.3 s that only alerts pay

    # Variables may stand for anything: only the form around them is checked.
    form = re.sub(r"\$\{\w+\}", "x" * 32, url)
    if Apprise.instantiate(form) is None:
        raise SubscriberError(
            "not a valid address; write one as https://github.com/caronc/apprise/wiki "
            "shows, such as mailtos://user:${MAIL_PASSWORD}@example.com?to=ops@example.com or jsons://host/path"
        )
