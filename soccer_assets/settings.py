"""Settings: ``SOCCER_*`` variables as one typed, frozen struct.

Only this module and the one of the providers' keys (`feeds.provider_keys`) read the environment in the graph
and the sidecar. The table in docs/reference/settings.md lists every variable, and a test compares the two.
"""

import datetime as dt
import ipaddress
import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec

from soccer_assets.clock import Clock, clock_at, parse_instant

# A host in lower case, without a port: a name, an IPv4 address, or an IPv6 address in brackets.
HOST_NAME = r"\[[0-9a-f:.]+\]|[a-z0-9._-]+"

# The path becomes part of URLs (? # %) and of file name patterns (* ? [ ]), where it would be another one.
_NOT_IN_A_HOME = re.compile(r"[?#%*\[\]\x00-\x1f\x7f]")


_MEGABYTE = 1024 * 1024

# Scotland and England played the first international on 30 November 1872; league football began in 1888. An
# earlier first month is a mistyped year, and a partition for every month since.
FIRST_MONTH = dt.date(1872, 11, 1)
_LAST_INSTANT = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)
# Of the library's, those that change how a server is reached.
_REDIS_OPTIONS = {
    *("db", "username", "password", "protocol", "client_name", "health_check_interval"),
    *("ssl_cert_reqs", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname"),
}
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]{1,64}){1,8}")


class SettingError(ValueError):
    """A setting is invalid; the message names it and says what to write instead."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings, read once when a process starts."""

    home: Path
    feeds: tuple[str, ...] = ("simulated",)
    feed_url: str = ""
    feed_urls: dict[str, str] = {}
    now: dt.datetime | None = None
    seed: int = 20
    leagues: int = 10
    history_start: dt.date | None = None
    first_build_months: int = 36
    use_prices: bool = True
    runs: str = "here"
    database_url: str
    store_url: str
    redis_url: str = ""
    mlflow_url: str
    s3_endpoint_url: str = ""
    dagster_port: int = 3000
    serving_port: int = 8000
    mlflow_port: int = 5000
    serving_workers: int = 1
    poll_seconds: float = 2.0
    rate_limit_per_minute: int = 60_000
    task_keep_seconds: int = 86_400
    public_url: str = ""
    pages: str = "keyed"
    pages_url: str = ""
    pages_per_minute: int = 600
    mcp: bool = True
    root_path: str = ""
    keep_alive_seconds: int = 75
    failed_keys_per_minute: int = 300
    trusted_proxies: tuple[str, ...] = ()
    max_body_bytes: int = 32 * 1024 * 1024
    tasks_per_key: int = 20
    task_bytes_per_key: int = 1024 * _MEGABYTE
    alerts_file: Path
    sidecars: tuple[str, ...] = ()
    dagster_url: str = ""
    dagster_hosts: tuple[str, ...] = ()
    dagster_port_role: str = "admin"
    dagster_socket: str = ""
    cors_origins: tuple[str, ...] = ()

    @property
    def clock(self) -> Clock:
        """The clock of all parts of the system."""
        return clock_at(self.now)

    @property
    def artifacts(self) -> Path:
        """The folder of MLflow's artifacts; its server, where there is one, keeps its own instead."""
        return self.home / "mlflow" / "artifacts"

    @property
    def is_feed_local(self) -> bool:
        """Whether every feed is simulated or in files of this machine."""
        urls = [self.feed_urls.get(name, self.feed_url) for name in self.feeds if name != "simulated"]
        return all(url.startswith(("file://", "/")) for url in urls)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings from ``environ`` (default: the process environment).

        Raises:
            SettingError: a value is invalid.
        """
        env = os.environ if environ is None else environ
        dagster_port = _integer(env, "SOCCER_DAGSTER_PORT", 3000, 1, 65535)
        home = home_of(env)
        feeds = tuple(name.strip() for name in env.get("SOCCER_FEED", "simulated").split(",") if name.strip())
        if not feeds:
            raise SettingError("SOCCER_FEED is empty; name a feed such as 'simulated' or 'football-data'")
        now = _instant(env, "SOCCER_NOW")
        if len(set(feeds)) < len(feeds):
            raise SettingError(f"SOCCER_FEED={','.join(feeds)} names a feed twice; name each once")
        return cls(
            home=home,
            feeds=feeds,
            feed_url=env.get("SOCCER_FEED_URL", "").strip() if len(feeds) == 1 else "",
            feed_urls=_feed_urls(env, feeds) if len(feeds) > 1 else {},
            now=now,
            seed=_integer(env, "SOCCER_SEED", 20, 0, 2**31),
            leagues=_integer(env, "SOCCER_LEAGUES", 10, 1, 200),
            history_start=_history_start(env, "SOCCER_HISTORY_START", now),
            first_build_months=_integer(env, "SOCCER_FIRST_BUILD_MONTHS", 36, 1, 1200),
            use_prices=_choice(env, "SOCCER_USE_PRICES", ("true", "false")) == "true",
            runs=_choice(env, "SOCCER_RUNS", ("here", "fleet")),
            database_url=env.get("SOCCER_DATABASE_URL") or f"sqlite:///{home}/soccer.db",
            store_url=(env.get("SOCCER_STORE_URL") or f"file://{home}/store").rstrip("/"),
            redis_url=_with_password(
                _redis_url(env, "SOCCER_REDIS_URL"), env.get("SOCCER_REDIS_PASSWORD", "")
            ),
            mlflow_url=env.get("SOCCER_MLFLOW_URL") or f"sqlite:///{home}/mlflow/mlflow.db",
            s3_endpoint_url=env.get("SOCCER_S3_ENDPOINT_URL", ""),
            dagster_port=dagster_port,
            dagster_url=(env.get("SOCCER_DAGSTER_URL") or f"http://127.0.0.1:{dagster_port}").rstrip("/"),
            dagster_hosts=_host_names(env, "SOCCER_DAGSTER_HOSTS"),
            dagster_port_role=_choice(env, "SOCCER_DAGSTER_PORT_ROLE", ("admin", "launcher", "viewer")),
            dagster_socket=_socket(env, "SOCCER_DAGSTER_SOCKET"),
            serving_port=_integer(env, "SOCCER_SERVING_PORT", 8000, 1, 65535),
            mlflow_port=_integer(env, "SOCCER_MLFLOW_PORT", 5000, 1, 65535),
            serving_workers=_integer(env, "SOCCER_SERVING_WORKERS", 1, 1, 64),
            poll_seconds=_number(env, "SOCCER_POLL_SECONDS", 2.0, 0.05, 3600.0),
            rate_limit_per_minute=_integer(env, "SOCCER_RATE_LIMIT_PER_MINUTE", 60_000, 0, 10**9),
            task_keep_seconds=_integer(env, "SOCCER_TASK_KEEP_SECONDS", 86_400, 60, 30 * 86_400),
            public_url=_public_url(env, "SOCCER_PUBLIC_URL"),
            pages=_choice(env, "SOCCER_PAGES", ("keyed", "public", "off")),
            pages_url=_public_url(env, "SOCCER_PAGES_URL"),
            pages_per_minute=_integer(env, "SOCCER_PAGES_PER_MINUTE", 600, 0, 10**9),
            mcp=_choice(env, "SOCCER_MCP", ("true", "false")) == "true",
            root_path=_root_path(env, "SOCCER_ROOT_PATH"),
            keep_alive_seconds=_integer(env, "SOCCER_KEEP_ALIVE_SECONDS", 75, 1, 3600),
            failed_keys_per_minute=_integer(env, "SOCCER_FAILED_KEYS_PER_MINUTE", 300, 0, 10**9),
            trusted_proxies=_networks(env, "SOCCER_TRUSTED_PROXIES"),
            max_body_bytes=_integer(env, "SOCCER_MAX_BODY_MB", 32, 1, 1024) * _MEGABYTE,
            tasks_per_key=_integer(env, "SOCCER_TASKS_PER_KEY", 20, 1, 10_000),
            task_bytes_per_key=_integer(env, "SOCCER_TASK_MB_PER_KEY", 1024, 1, 1_000_000) * _MEGABYTE,
            alerts_file=Path(env.get("SOCCER_ALERTS_FILE") or home / "alerts.json").expanduser().absolute(),
            cors_origins=_origins(env, "SOCCER_CORS_ORIGINS"),
            sidecars=tuple(
                url for part in env.get("SOCCER_SIDECARS", "").split(",") if (url := part.strip())
            ),
        )


def home_of(env: Mapping[str, str]) -> Path:
    """The absolute path of the home, which becomes part of URLs.

    Raises:
        SettingError: as `checked_home`.
    """
    return checked_home(Path(env.get("SOCCER_HOME") or ".soccer").expanduser().absolute(), "SOCCER_HOME=")


def is_text(path: str) -> bool:
    """Whether a path can be stored and printed: bytes that the locale cannot decode stand as surrogates."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def checked_home(home: Path, name: str) -> Path:
    """The path of a home, if it may be part of URLs; ``name`` says in the message where it comes from.

    Raises:
        SettingError: what a database's URL calls its path would be another file, or it is no text.
    """
    if not is_text(str(home)):
        raise SettingError(
            f"{name}{str(home)!r} is no text in this locale; use a folder whose path is UTF-8, with "
            "LC_ALL=C.UTF-8 in the environment"
        )
    if found := _NOT_IN_A_HOME.search(str(home)):
        raise SettingError(
            f"{name}{str(home)!r} contains {found[0]!r}, which has a meaning of its own in the address of a "
            "database; use a folder without ? # % * [ ] and control characters in its path"
        )
    return home


def _integer(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = env.get(name, "").strip()
    if not text:
        return default
    try:
        value = int(text)
    except ValueError:
        raise SettingError(f"{name}={text!r} is not a whole number; write one from {low} to {high}") from None
    if not low <= value <= high:
        raise SettingError(f"{name}={value} is out of range; write a number from {low} to {high}")
    return value


def _number(env: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    text = env.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        raise SettingError(f"{name}={text!r} is not a number; write one from {low} to {high}") from None
    if not low <= value <= high:
        raise SettingError(f"{name}={value} is out of range; write a number from {low} to {high}")
    return value


def _feed_urls(env: Mapping[str, str], feeds: tuple[str, ...]) -> dict[str, str]:
    """Addresses by feed, for several feeds."""
    urls = {}
    for part in filter(None, (item.strip() for item in env.get("SOCCER_FEED_URL", "").split(","))):
        name, equals, url = part.partition("=")
        if not equals or name not in feeds:
            raise SettingError(
                f"SOCCER_FEED_URL={part!r}: with several feeds write each address as NAME=URL, with commas "
                f"between; the names are {', '.join(feeds)}"
            )
        urls[name] = url
    return urls


def _public_url(env: Mapping[str, str], name: str) -> str:
    text = env.get(name, "").strip()
    if not text:
        return ""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SettingError(f"{name}={text!r} is not an address; write it as https://soccer.example.com")
    if parts.hostname in {"localhost", "127.0.0.1", "::1", "0.0.0.0"}:  # noqa: S104 - refused, not bound
        raise SettingError(
            f"{name}={text} is not reachable from another machine; write the address that others use"
        )
    return text.rstrip("/")


def _root_path(env: Mapping[str, str], name: str) -> str:
    """The path under which a proxy publishes the sidecar, without the last slash."""
    text = env.get(name, "").strip().rstrip("/")
    if text and not _PREFIX.fullmatch(text):
        raise SettingError(f"{name}={text!r} is not a path; write it as /soccer")
    return text


def _networks(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Comma-separated addresses or networks."""
    networks = tuple(item for part in env.get(name, "").split(",") if (item := part.strip()))
    for network in networks:
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError:
            raise SettingError(
                f"{name}: {network!r} is neither an address nor a network; write it as 10.0.0.5 or 10.0.0.0/8"
            ) from None
    return networks


def _redis_url(env: Mapping[str, str], name: str) -> str:
    """An address that the library can use; a refusal does not repeat it: it may hold a password."""
    text = env.get(name, "").strip()
    if not text:
        return ""
    hint = "write it as redis://host:6379/0, rediss://user:password@host:6379/0 or unix:///path/to/socket"
    try:
        parts = urlsplit(text)
        port = parts.port
        host = (parts.hostname or "").encode("idna")
    except (ValueError, UnicodeError):
        raise SettingError(
            f"{name} is not an address (is the port a number, and is the password percent-encoded?); {hint}"
        ) from None
    if parts.scheme not in {"redis", "rediss", "unix"}:
        raise SettingError(f"{name} begins with neither redis://, rediss:// nor unix://; {hint}")
    unknown = {key for key, _ in parse_qsl(parts.query, keep_blank_values=True)} - _REDIS_OPTIONS
    if unknown:
        raise SettingError(f"{name}: unknown option {min(unknown)[:40]!r} after the ?; {hint}")
    if parts.scheme == "unix":
        if not parts.path.strip("/"):
            raise SettingError(f"{name} names no socket; {hint}")
        return text
    if not host or port == 0:
        raise SettingError(f"{name} names no host, or the port 0; {hint}")
    if parts.path.strip("/") and not re.fullmatch("[0-9]{1,4}", parts.path.strip("/")):
        raise SettingError(f"{name}: the database after the host is not a number; {hint}")
    return text


def _with_password(url: str, password: str) -> str:
    """The address of a Redis with a password, if it has none of its own."""
    parts = urlsplit(url)
    if not url or not password or parts.password:
        return url
    if parts.scheme == "unix":
        return f"{url}{'&' if parts.query else '?'}password={quote(password, safe='')}"
    return parts._replace(
        netloc=f"{parts.username or ''}:{quote(password, safe='')}@{parts.netloc.rpartition('@')[2]}"
    ).geturl()


def _origins(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Comma-separated browser origins; none by default, and no wildcard."""
    origins = tuple(origin for part in env.get(name, "").split(",") if (origin := part.strip().rstrip("/")))
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path:
            raise SettingError(f"{name}: {origin!r} is not an origin; write it as https://app.example.com")
    return origins


def _host_names(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Comma-separated host names, without ports."""
    hosts = tuple(host for part in env.get(name, "").split(",") if (host := part.strip().lower()))
    for host in hosts:
        if not re.fullmatch(HOST_NAME, host):
            raise SettingError(f"{name}: {host!r} is not a host name; write it as dagster.internal")
    return hosts


def _choice(env: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    """One of several words, the first by default."""
    text = env.get(name, "").strip().lower()
    if text and text not in choices:
        raise SettingError(f"{name}={text!r} is none of {', '.join(choices)}")
    return text or choices[0]


def _socket(env: Mapping[str, str], name: str) -> str:
    """The absolute path of a unix socket."""
    text = env.get(name, "").strip()
    if text and not text.startswith("/"):
        raise SettingError(f"{name}={text!r} is not an absolute path; write it as /run/soccer/dagster.sock")
    return text


def _instant(env: Mapping[str, str], name: str) -> dt.datetime | None:
    text = env.get(name, "").strip()
    if not text:
        return None
    try:
        instant = parse_instant(text)
    except (ValueError, OverflowError):
        raise SettingError(f"{name}={text!r} is not an instant; write it as 2025-04-25T09:00:00Z") from None
    if not FIRST_MONTH <= instant.date() < _LAST_INSTANT.date():
        raise SettingError(
            f"{name}={text!r} is out of range; write an instant from {FIRST_MONTH} to {_LAST_INSTANT.date()}"
        )
    return instant


def _history_start(env: Mapping[str, str], name: str, now: dt.datetime | None) -> dt.date | None:
    text = env.get(name, "").strip()
    if not text:
        return None
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise SettingError(f"{name}={text!r} is not a day; write it as 2022-07-01") from None
    return checked_history_start(day, f"{name}={text}", clock_at(now).now().date())


def checked_history_start(day: dt.date, name: str, today: dt.date) -> dt.date:
    """The first day of a home's history, if football was played then; ``name`` says where it comes from.

    Raises:
        SettingError: it lies before the first international, or in the future.
    """
    if day < FIRST_MONTH:
        raise SettingError(
            f"{name} is before {FIRST_MONTH}, the month of the first international; write a later day"
        )
    if day > today:
        raise SettingError(f"{name} is after {today}, today; write an earlier day")
    return day
