"""What all adapters of real providers have in common."""

import datetime as dt
import io
import logging
import re
from collections.abc import Iterator

import msgspec
import pytest

from soccer_assets.clock import FixedClock, parse_instant
from soccer_assets.feeds.fields import FieldError, decode_json, goals_of, id_of, instant_of, name_of
from soccer_assets.feeds.json_rows import pick, season_label
from soccer_assets.feeds.protocol import FeedError, FeedRefusedError
from soccer_assets.feeds.providers.api_football import ApiFootballFeed
from soccer_assets.feeds.providers.espn import EspnFeed
from soccer_assets.feeds.providers.football_data.football_data_feed import FootballDataFeed
from soccer_assets.feeds.providers.football_data_org import FootballDataOrgFeed
from soccer_assets.feeds.providers.openfootball.openfootball_feed import OpenFootballFeed
from soccer_assets.feeds.providers.openligadb import OpenLigaDbFeed
from soccer_assets.football.competitions import load_competitions
from soccer_assets.football.matches import Window
from soccer_assets.settings import Settings

KEY = "k3y-of-nobody"
WEB = [
    ApiFootballFeed,
    EspnFeed,
    FootballDataFeed,
    FootballDataOrgFeed,
    OpenFootballFeed,
    OpenLigaDbFeed,
]
DAY = Window(dt.date(2025, 4, 20), dt.date(2025, 4, 21))
CLOCK = FixedClock(parse_instant("2025-04-25T09:00:00Z"))


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What any logger writes meanwhile, of any level."""
    text = io.StringIO()
    root, handler = logging.getLogger(), logging.StreamHandler(text)
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield text
    root.setLevel(level)
    root.removeHandler(handler)


@pytest.fixture
def environ(tmp_path, monkeypatch) -> dict[str, str]:
    """A home, and a key for those who need one."""
    for name in ("API_FOOTBALL", "FOOTBALL_DATA_ORG"):
        monkeypatch.setenv(f"SOCCER_{name}_KEY", KEY)
    return {"SOCCER_HOME": str(tmp_path), "SOCCER_NOW": "2025-04-25T09:00:00Z"}


@pytest.mark.parametrize("feed_class", WEB)
def test_adapter_is_built_from_settings(feed_class, environ):
    """An adapter knows its first month and its competitions without asking anybody."""
    feed = feed_class.from_settings(Settings.from_env(environ))

    assert feed.first_month() < dt.date(2023, 1, 1)
    assert feed.first_month().day == 1
    assert feed.competitions()
    assert all(one.feeds[feed.name] for one in feed.competitions().values())
    assert not feed.is_simulated


@pytest.mark.parametrize("feed_class", WEB)
def test_history_start_is_kept(feed_class, environ):
    """The setting moves the first month."""
    settings = Settings.from_env({**environ, "SOCCER_HISTORY_START": "2023-03-17"})

    assert feed_class.from_settings(settings).first_month() == dt.date(2023, 3, 1)


@pytest.mark.parametrize("feed_class", WEB)
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, "<html><body>Just a moment...</body></html>"),
        (200, ""),
        (200, "null"),
        (200, "[1, 2"),
        (200, '{"errors": {"token": "wrong"}}'),
        (300, "<html>Multiple Choices</html>"),
        (401, '{"message": "no"}'),
        (404, "nothing here"),
    ],
)
def test_other_answers_are_errors(feed_class, environ, httpserver, logged, monkeypatch, status, body):
    """What is not the provider's answer is an error that names the setting; no key in it or in the log."""
    monkeypatch.setattr("soccer_assets.feeds.rate_limiter.time.sleep", lambda _: None)
    httpserver.expect_request(re.compile(".*")).respond_with_data(body, status=status)
    feed = feed_class.from_settings(Settings.from_env({**environ, "SOCCER_FEED_URL": httpserver.url_for("")}))

    with pytest.raises(FeedError, match="SOCCER_FEED_URL") as refusal:
        list(feed.fetch(DAY, CLOCK))
    assert isinstance(refusal.value, FeedRefusedError) or body.startswith("[")
    assert KEY not in f"{refusal.value} {logged.getvalue()}"


@pytest.mark.parametrize(
    ("value", "text"),
    [(" 1. FC  Köln ", "1. FC Köln"), ("Athletic\u00a0Club", "Athletic Club"), ("FC\tA", "FC A")],
)
def test_name_loses_its_superfluous_blanks(value, text):
    """Blanks of any kind are one blank."""
    assert name_of(value, "the team") == text


@pytest.mark.parametrize("value", [None, "", "  ", 5, True, [], "a\x00b", "\u200b", "x" * 101])
def test_what_is_no_name_is_a_fault(value):
    """Nothing, numbers, control characters and endless texts are no names."""
    with pytest.raises(FieldError, match="the team"):
        name_of(value, "the team")


@pytest.mark.parametrize("value", [None, True, 0, -1, 1.5, "", [], {}])
def test_what_is_no_id_is_a_fault(value):
    """Ids are positive numbers or texts."""
    with pytest.raises(FieldError, match="id"):
        id_of(value, "id")


@pytest.mark.parametrize(
    "text", ["2025-04-20T13:00Z", "2025-04-20T15:00:00+02:00", " 2025-04-20T13:00:00.000Z"]
)
def test_instant_is_read_in_every_form(text):
    """Seconds may be missing, and zones are turned into UTC."""
    assert instant_of(text) == parse_instant("2025-04-20T13:00:00Z")


def test_picked_fields_keep_their_places():
    """Dotted paths are copied into objects like those they came in; nulls are left out."""
    fields = {"a": {"b": 1, "c": 2, "n": None}, "d": 3, "e": 4, "f": "text"}

    assert pick(fields, "a.b", "a.n", "d", "x.y", "f.g") == {"a": {"b": 1}, "d": 3}
    assert pick("no object", "a.b") == {}


@pytest.mark.parametrize(
    ("code", "year", "label"),
    [
        ("ENG-1", 2024, "2024/2025"),
        ("BRA-1", 2025, "2025"),
        ("ENG-1", None, "2024/2025"),
        ("ENG-1", "2024", "2024/2025"),
        ("ENG-1", "", "2024/2025"),
    ],
)
def test_season_has_the_form_of_the_calendar(code, year, label):
    """A start year gives the label; where none is told, the day does."""
    assert season_label(load_competitions()[code], year, dt.date(2025, 4, 20)) == label


@pytest.mark.parametrize(
    ("code", "year"),
    [
        ("ENG-1", 2023),
        ("ENG-1", 2025),
        ("ENG-1", 1066),
        ("ENG-1", 10**9),
        ("BRA-1", 2026),
        ("BRA-1", 2023),
        ("BRA-1", -1),
        ("ENG-1", True),
        ("ENG-1", "soon"),
        ("ENG-1", 2024.5),
    ],
)
def test_season_that_the_day_cannot_be_of_is_a_fault(code, year):
    """A wrong label or a wrong date: the row does not say which."""
    with pytest.raises(FieldError, match="the season"):
        season_label(load_competitions()[code], year, dt.date(2025, 4, 20))


def test_qualification_is_of_the_season_of_its_day():
    """Providers file it under the year of the tournament, up to three years ahead."""
    national = msgspec.structs.replace(load_competitions()["BRA-1"], squad="national")

    assert season_label(national, 2026, dt.date(2023, 9, 8)) == "2023"


@pytest.mark.parametrize(
    ("value", "goals"),
    [(None, None), (2, 2), ("2", 2), (" 2 ", 2), ("2.0", 2), (2.0, 2), (0.0, 0), ("36", 36)],
)
def test_score_in_another_form_is_that_score(value, goals):
    """Text and a whole number with a point say the same."""
    assert goals_of(value) == goals


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (0.5, "the score 0.5 is not a whole number"),
        ("37", "the score '37' is not from 0 to 36"),
        (-1, "the score -1 is not from 0 to 36"),
        ("two", "the score 'two' is not a number"),
        (True, "the score True is not a number"),
        (float("nan"), "the score nan is not a number"),
        (float("inf"), "the score inf is not a number"),
        ("\u0662", "is not a number"),
        ([1, 2], "the score [1, 2] is not a number"),
    ],
)
def test_what_is_no_score_is_a_fault_with_a_true_reason(value, reason):
    """The reason holds of the value that it names."""
    with pytest.raises(FieldError) as fault:
        goals_of(value)
    assert reason in str(fault.value)


def test_json_with_a_byte_order_mark_is_read():
    """A mark at the beginning is no fault."""
    assert decode_json(b"\xef\xbb\xbf[1]", "there") == [1]
