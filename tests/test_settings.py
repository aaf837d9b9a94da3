"""Settings that cannot be used, told in one sentence."""

import pytest

from serving.backends.redis import connect
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
    if url:
        pool = connect(url).connection_pool
        assert pool.connection_class(**pool.connection_kwargs)


@pytest.mark.parametrize("path", ["soccer", "//host", "/a b", "/soccer?x", "https://host/soccer"])
def test_a_root_path_is_a_path(path):
    """A link must not lead to another host."""
    with pytest.raises(SettingError, match="SOCCER_ROOT_PATH"):
        Settings.from_env({"SOCCER_ROOT_PATH": path})
    assert Settings.from_env({"SOCCER_ROOT_PATH": "/soccer/v1/"}).root_path == "/soccer/v1"
