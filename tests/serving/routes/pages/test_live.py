"""Live scores beside forecasts: the one thing that pages take from the database, and never wait for."""

import re
import socket

import pytest
import sqlalchemy as sa

from soccer_assets.contract.release import FeedTerms, Team
from soccer_assets.tables import UtcDateTime, match, metadata, team
from tests.serving.builders import NOW, make_prediction, make_release, write_keys, write_status
from tests.serving.processes import wait_until

HTML = {"Accept": "text/html"}
GONE = "Live scores are not available right now"
WITHHELD = "Live scores are left out"
HOME, AWAY = Team("t-leeds", "Leeds"), Team("t-derby", "Derby")


@pytest.fixture
def store(tmp_path):
    """A match that kicked off half an hour ago and one of the day before, of a feed that allows all."""
    return publish(tmp_path / "store", may_publish_live=True)


def publish(store, **allowed):
    playing = make_prediction("m1", kickoff="2025-04-25T08:30:00Z", home_team=HOME, away_team=AWAY)
    long_ago = make_prediction("m0", kickoff="2025-04-24T08:30:00Z")
    terms = (FeedTerms(feed="fake", attribution="Fake", may_publish_results=True, **allowed),)
    make_release(store, [playing, long_ago], terms=terms)
    write_status(store)
    write_keys(store)
    return store


@pytest.fixture
def table(tmp_path):
    """A match table in which Leeds leads 2-1; gives its URL."""
    url = f"sqlite:///{tmp_path / 'match.db'}"
    engine = sa.create_engine(url)
    metadata.create_all(engine, tables=[match, team])
    playing = {"match_id": "m1", "status": "live", "source": "fake", "home_goals": 2, "away_goals": 1}
    playing |= {"kickoff": NOW.replace(hour=8, minute=30), "home_team_id": HOME.id, "away_team_id": AWAY.id}
    with engine.begin() as connection:
        connection.execute(match.insert(), [filled(playing)])
    engine.dispose()
    return url


def filled(row):
    """A row with something in every column that needs it."""
    for column in match.columns:
        if column.name not in row and not column.nullable:
            is_instant, is_text = isinstance(column.type, UtcDateTime), isinstance(column.type, sa.String)
            row[column.name] = NOW if is_instant else "minute" if is_text else 0
    return row


def text_of(client, path):
    page = client.get(path, headers=HTML)
    assert page.status_code == 200
    return " ".join(re.sub(r"<title>.*?</title>|<[^>]+>", " ", page.text).split())


def test_score_of_a_match_under_way_stands_beside_its_forecast(store, table, serve):
    """It says of when it is, and that the forecast does not know it."""
    client = serve(pages="public", database_url=table)
    wait_until(lambda: "live Leeds 2 against Derby 1" in text_of(client, "/"))
    day = text_of(client, "/")
    assert "score of 25 Apr, 09:00 UTC ; the forecast was made before the kickoff" in day
    assert "50 % 30 % 20 %" in day
    assert GONE not in day
    page = text_of(client, "/matches/m1")
    assert "live Leeds 2\N{EN DASH}1 Derby at" in page
    assert "50 % 30 % 20 %" in page
    assert "live" not in text_of(client, "/matches/m0").casefold().replace("live scores", "")


def test_score_that_may_not_be_public_is_left_out_and_it_is_said(tmp_path, table, serve):
    """The table is not even asked."""
    publish(tmp_path / "store")
    client = serve(pages="public", database_url=table)
    for path in ("/", "/matches/m1"):
        assert WITHHELD in text_of(client, path)
        assert "2\N{EN DASH}1" not in text_of(client, path)
    assert WITHHELD not in text_of(client, "/?day=2025-04-24")


def test_page_does_not_wait_for_a_database_that_is_gone_or_hangs(store, serve, tmp_path):
    """A file that is not there, and a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hung = f"postgresql+psycopg2://x@127.0.0.1:{silent.getsockname()[1]}/x"
        for url in (f"sqlite:///{tmp_path / 'gone.db'}", hung):
            client = serve(pages="public", database_url=url)
            for path in ("/", "/matches/m1"):
                page = text_of(client, path)
                assert GONE in page
                assert "50 % 30 % 20 %" in page
