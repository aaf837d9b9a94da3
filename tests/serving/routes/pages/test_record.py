"""`/record`: the report's numbers, bins that open to their matches, and the search of past forecasts."""

import re

import msgspec
import pytest
from litestar.testing import TestClient

from serving.app import create_app
from serving.pages.record_charts import loss_chart, reliability_panels
from serving.pages.record_view import periods
from serving.release.history_rows import ReliabilityBin
from soccer_assets.contract.reports import (
    QUALITY_KEY,
    Comparison,
    QualityReport,
    QualityScore,
    QualitySlice,
    QualityWeek,
)
from tests.serving.builders import (
    StubScorer,
    make_prediction,
    make_release,
    make_settings,
    put,
    write_keys,
    write_status,
)
from tests.serving.conftest import reload
from tests.serving.past import english_teams, load_now, past_row, past_season, write_history

HTML = {"Accept": "text/html"}
HOSTILE = "<script>alert(1)</script>"


def score(scored, log_loss, *, finished=None, elo=None):
    """A score of a week; with Elo's log loss on the same matches."""
    against = {}
    if elo is not None:
        against["elo_textbook"] = Comparison(
            rows=scored,
            coverage=1.0,
            log_loss=log_loss,
            other_log_loss=elo,
            difference=log_loss - elo,
            low=-0.02,
            high=0.001,
        )
    return QualityScore(
        finished=finished or scored,
        scored=scored,
        void=0,
        coverage=scored / (finished or scored),
        log_loss=log_loss,
        expected_log_loss=1.0,
        rps=0.2,
        brier_score=0.6,
        ece_15=0.02,
        hit_rate=0.5,
        against=against,
    )


def week(name, first_day, one):
    return QualityWeek(week=name, first_day=first_day, score=one)


REPORT = QualityReport(
    schema_version=1,
    feed="simulated",
    checked_at="2025-04-25T06:37:00Z",
    model_version="7",
    ledger_head="ab" * 32,
    overall=score(40, 1.0123, finished=50, elo=1.0321),
    weeks=(
        week("2025-W05", "2025-01-27", score(10, 1.1)),
        week("2025-W06", "2025-02-03", score(10, 1.0, elo=1.05)),
        week("2025-W07", "2025-02-10", score(30, 0.9, finished=60, elo=1.0)),
        week("2025-W10", "2025-03-03", score(5, 1.2)),
    ),
    slices=(
        QualitySlice(dimension="competition", value=HOSTILE, score=score(3, 1.0)),
        QualitySlice(dimension="competition", value="ENG-2", score=score(37, 1.01)),
        QualitySlice(dimension="tier", value="2", score=score(40, 1.0)),
    ),
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A sidecar with public pages, a report, and a history of two seasons."""
    home = tmp_path_factory.mktemp("record")
    store, settings = home / "store", make_settings(home, pages="public")
    make_release(store, [make_prediction("m1")])
    write_status(store)
    write_keys(store)
    put(store, QUALITY_KEY, REPORT)
    season = past_season(past_row(0, 0, 1, (2, 1)), past_row(1, 2, 3, (0, 0)), past_row(2, 1, 0, (1, 3)))
    many = past_season(*(past_row(n, 0, 1, (1, 1)) for n in range(-90, -40)), season="2023/2024")
    load_now(settings, write_history(store, season, many, teams=english_teams()))
    with TestClient(create_app(settings, scorer=StubScorer()), raise_server_exceptions=False) as client:
        reload(client)
        yield client


def text_of(pages, query=""):
    page = pages.get(f"/record{query}", headers=HTML)
    assert page.status_code == 200
    return page.text


def rows_of(text):
    """The matches that are listed."""
    found = re.findall(r"<td><time[^>]*>([\d-]+)</time></td><th[^>]*>(?:<a[^>]*>)?([^<]+)", text)
    return [(day, match.strip()) for day, match in found]


def test_report_is_shown_with_its_comparisons(pages):
    text = text_of(pages)
    assert "1.0123" in text
    assert "80.0 %" in text  # coverage
    assert "\N{MINUS SIGN}0.0198" in text  # against Elo
    assert "ENG-2" in text
    assert text.index(">ENG-2<") < text.index("&lt;script&gt;")  # the one with the most forecasts first
    assert HOSTILE not in text
    assert "soccer ledger verify" in text


def test_weeks_become_months_weighted_by_their_matches():
    months = periods(REPORT)
    assert [(month.name, month.scored) for month in months] == [
        ("2025-01", 10),
        ("2025-02", 40),
        ("2025-03", 5),
    ]
    assert months[1].losses["own"] == pytest.approx(0.925)
    assert months[1].losses["elo_textbook"] == pytest.approx(1.0125)
    assert months[1].coverage == pytest.approx(40 / 70)
    assert months[0].losses["elo_textbook"] is None
    few = msgspec.structs.replace(REPORT, weeks=REPORT.weeks[:2])
    assert [period.name for period in periods(few)] == ["2025-W05", "2025-W06"]


def test_chart_of_losses_spans_the_picture():
    chart = loss_chart(
        ["a", "b", "c"], {"own": [1.0, None, 0.9], "prior": [1.1, 1.1, 1.1], "book": [None] * 3}
    )
    assert [line.key for line in chart.lines] == ["own", "prior"]
    own, prior = chart.lines
    assert len(own.points) == 2
    assert own.points[-1][0] == chart.width
    assert own.points[0][1] > prior.points[0][1]  # less is lower
    assert own.dash != prior.dash
    assert loss_chart(["a"], {"own": [1.0]}) is None


def test_band_of_a_bin_tells_chance_from_fault():
    def bin_of(happened):
        return ReliabilityBin(
            outcome="home", p_from=0.5, p_before=0.55, matches=100, mean=0.52, happened=happened
        )

    (good,), (bad,) = (reliability_panels([bin_of(happened)])[0].dots for happened in (50, 80))
    assert good.is_inside
    assert not bad.is_inside
    assert good.low == pytest.approx(0.52 - 1.96 * 0.04996, abs=1e-4)


def test_bin_opens_its_matches(pages):
    text = text_of(pages)
    assert 'role="group"' in text
    links = re.findall(r'href="/record\?([^"#]*outcome=home[^"#]*)#forecasts"', text)
    listed = text_of(pages, "?" + links[0].replace("&amp;", "&"))
    assert rows_of(listed)
    assert "A home win was said with 45 to 50 %" in listed
    assert not rows_of(text_of(pages, "?outcome=home&p_from=0.9&p_before=0.95"))


def test_search_finds_a_team_with_typing_mistakes(pages):
    text = text_of(pages, "?team=Leds+Untied&first=2025-01-01")
    assert "Matches of Leeds United" in text
    assert [name for _, name in rows_of(text)] == [
        "Derby County \N{EN DASH} Leeds United",
        "Leeds United \N{EN DASH} Derby County",
    ]
    assert "No team has a name like" in text_of(pages, "?team=Xyzzyq")


def test_every_forecast_is_reached_by_cursor(pages):
    seen, query = [], "?competition=ENG-2"
    while True:
        text = text_of(pages, query)
        seen += rows_of(text)
        found = re.search(r'rel="next" href="/record(\?[^"#]+)', text)
        if found is None:
            break
        query = found[1].replace("&amp;", "&")
    assert len(seen) == 53
    assert len(set(seen)) == 53
    assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize(
    "query",
    [
        "?first=yesterday",
        "?cursor=nonsense",
        "?cursor=99999999999999999999999-1",
        "?p_from=nan&outcome=home",
        "?competition=%3Cscript%3Ealert(1)%3C/script%3E",
        "?team=%00",
    ],
)
def test_nonsense_is_answered_with_the_page(pages, query):
    assert HOSTILE not in text_of(pages, query)


def test_history_and_report_may_be_missing(store, serve):
    client = serve(pages="public")
    text = text_of(client)
    assert text.count("History is loading") == 2
    assert "No report yet" in text
