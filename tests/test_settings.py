"""Settings that cannot be used, told in one sentence."""

import datetime as dt

import pytest

from serving.backends.redis import connect
from soccer_assets.home import open_home, read_home
from soccer_assets.settings import SettingError, Settings


@pytest.mark.parametrize(
    "url",
    [
        "host:6379",
        "http://host:6379",
        "redis://",
        "redis://:secret@",
        "redis://host:port/0",
        "redis://host:0/0",
        "redis://host:99999/0",
        "redis://:se/cret@host:6379/0",
        "redis://:se#cret@host:6379/0",
        "redis://[::1/0",
        f"redis://{'a' * 64}.example.org/0",
        "redis://host/zero",
        "redis://host/0?socket_timeout=1",
        "redis://host/0?ssl=true",
        "unix://",
    ],
)
def test_an_address_of_redis_that_cannot_be_used_is_refused_without_its_password(url):
    """At the start and in one sentence, not as a traceback of the library at the first request."""
    with pytest.raises(SettingError, match="SOCCER_REDIS_URL") as refused:
        Settings.from_env({"SOCCER_REDIS_URL": url})

    assert "cret" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "redis://host",
        "redis://host:6379/0",
        "rediss://user:p%40ss@host:6380/1?ssl_cert_reqs=none",
        "redis://[::1]:6379/0",
        "unix:///run/valkey.sock?db=1",
        "unix://:secret@/run/valkey.sock",
    ],
)
def test_addresses_of_redis_that_the_library_takes_are_kept(url):
    """The library opens no connection yet, but makes its client of them."""
    assert Settings.from_env({"SOCCER_REDIS_URL": url}).redis_url == url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://valkey:6379/0", "redis://:a%20b@valkey:6379/0"),
        ("rediss://user@valkey:6379/0", "rediss://user:a%20b@valkey:6379/0"),
        ("redis://:own@valkey:6379/0", "redis://:own@valkey:6379/0"),
        ("unix:///run/valkey.sock", "unix:///run/valkey.sock?password=a%20b"),
        ("", ""),
    ],
)
def test_a_password_of_its_own_goes_into_the_address_of_redis(url, expected):
    """SOCCER_REDIS_PASSWORD is used where the address names no password."""
    given = {"SOCCER_REDIS_URL": url, "SOCCER_REDIS_PASSWORD": "a b"}

    assert Settings.from_env(given).redis_url == expected
    if url:
        pool = connect(url).connection_pool
        assert pool.connection_class(**pool.connection_kwargs)


@pytest.mark.parametrize("path", ["soccer", "//host", "/a b", "/soccer?x", "https://host/soccer"])
def test_a_root_path_is_a_path(path):
    """A link must not lead to another host."""
    with pytest.raises(SettingError, match="SOCCER_ROOT_PATH"):
        Settings.from_env({"SOCCER_ROOT_PATH": path})
    assert Settings.from_env({"SOCCER_ROOT_PATH": "/soccer/v1/"}).root_path == "/soccer/v1"


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        ("0001-01-01", "is before 1872-11-01, the month of the first international"),
        ("0870-02-20", "is before 1872-11-01"),
        ("1700-01-01", "is before 1872-11-01"),
        ("1872-10-31", "is before 1872-11-01"),
        ("2025-04-26", "is after 2025-04-25"),
        ("9999-12-31", "is after 2025-04-25"),
        ("2022-13-01", "is not a day"),
        ("tomorrow", "is not a day"),
    ],
)
def test_a_history_that_starts_before_football_or_in_the_future_is_refused(tmp_path, day, reason):
    """A mistyped century would make thousands of empty months; the sentence names the setting."""
    environ = {
        "SOCCER_HOME": str(tmp_path),
        "SOCCER_HISTORY_START": day,
        "SOCCER_NOW": "2025-04-25T09:00:00Z",
    }
    with pytest.raises(SettingError, match=f"SOCCER_HISTORY_START=.*{reason}") as refused:
        Settings.from_env(environ)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("day", ["1872-11-01", "1888-09-08", "2025-04-25"])
def test_a_history_may_start_with_the_first_international_and_today(day):
    """Both ends are within the bounds."""
    found = Settings.from_env({"SOCCER_HISTORY_START": day, "SOCCER_NOW": "2025-04-25T09:00:00Z"})
    assert str(found.history_start) == day


@pytest.mark.parametrize("now", ["0001-01-01T00:00:00Z", "1872-10-31T23:59:59Z", "9999-12-31T23:59:59Z"])
def test_a_clock_outside_of_football_is_refused(now):
    """Days before and after it could not be computed."""
    with pytest.raises(SettingError, match=r"SOCCER_NOW=.* is out of range"):
        Settings.from_env({"SOCCER_NOW": now})


def test_a_home_of_an_earlier_version_whose_history_starts_too_early_is_refused(tmp_path):
    """It was made before there was a bound; every start says what to do."""
    settings = Settings.from_env({"SOCCER_HOME": str(tmp_path)})
    home = open_home(settings, is_simulated=True, first_month=dt.date(870, 2, 1))
    assert home.history_start == dt.date(1872, 11, 1)  # a feed with a mistyped first row
    file = tmp_path / "home.json"
    file.write_text(file.read_text().replace("1872-11-01", "0870-02-01"))

    with pytest.raises(SettingError, match="starts on 0870-02-01, before 1872-11-01"):
        read_home(settings)
