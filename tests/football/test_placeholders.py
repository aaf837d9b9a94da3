"""Placeholders of fixture lists, and clubs that are none."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from soccer_assets.football.placeholders import is_placeholder, undrawn_teams
from soccer_assets.football.validity import same_team_fault

PLACEHOLDERS = """
Semifinal 1 Winner|Winner Match 49|Sieger EF|Sieger HF1|Sieger HF 1|N.N.|n.n|TBD|tba|TBC|To be announced
W49|L61|1A|2B/C/D|3ABCDF|3A/B/C/D/F|1A/1B|Gewinner Spiel 3|Gewinner QF1|Runner-up Group A|Runners-up B
Ganador Llave 3|Vencedor Jogo 2|Ganador Partido 49|Winner QF 1|?|-|Group A Winner|Group A 2nd Place
Third Place Group A/B/C/D/F|Quarterfinal 3 Winner|Round of 16 1 Winner|RD16 W1|QFW1|UEFA Path A Winner
FIFA Path 1 Winner|Winner of Leeds v Derby|Winner Arsenal/Chelsea|1st Group A|Gruppensieger A
Zweiter Gruppe B|1. Gruppe A|Loser SF 2|Semifinalist 2|Finalist 1|Winner SF|Best 3rd|Verlierer HF 2
Vincente Semifinale 1|Vainqueur 1/4 de finale 2|Winnaar halve finale 1|Loser Match 101|RU A|Winner 49
Playoff Winner|Qualifier 1|Group B runner-up|Winner Play-off Path C|WSF1|1st A|Group A 1|Unterlegener HF1
TBD/TBD|TBA 1|Gagnant match 12|Pot 1|Sieger Relegation|Semifinal 2 Loser|Group Stage 1st Place
Third place|Por definir|Noch offen|1° Girone C|1er Groupe A|1ro Grupo A|2º Grupo B|A Grubu 1.si
Grup A Birincisi|SF1 winner|Winner R16-1|1.A|2. B|KF 1|Vindere SF1|Besiegter HF 1|Víťaz zápasu 1|To Be Advised
A definire|Nog onbekend|N.n.b.|Lucky Loser 1|Wildcard 1|Host Nation|Exento
""".replace("\n", "|").split("|")
# Russian: winner of match 49, not decided; Greek: winner of semi-final 1; Japanese: not decided.
PLACEHOLDERS += [
    "\u041f\u043e\u0431\u0435\u0434\u0438\u0442\u0435\u043b\u044c \u043c\u0430\u0442\u0447\u0430 49",
    "\u041d\u0435 \u043e\u043f\u0440\u0435\u0434\u0435\u043b\u0435\u043d",
    "\u039d\u03b9\u03ba\u03b7\u03c4\u03ae\u03c2 \u0397\u03bc\u03b9\u03c4\u03b5\u03bb\u03b9\u03ba\u03bf\u03cd",
    "\u672a\u5b9a",
]
CLUBS = """
Bodø/Glimt|Winners FC|Winners Connection|Sieger Köln|Final|A|B|Team A|Home 1|Real Madrid|1. FC Köln
Third Lanark|B 1909|First Vienna FC|AC Milan|Union Berlin|W Connection|Nest-Sotra|West Ham|Prima Vista
Premier FC|Cup|A1|Wil 1900|B36|12 de Octubre|2 de Mayo|EB/Streymur|HB|FC Winner|United|Winnipeg
Campeón FC|KF Tirana|KFUM|B 1903|1º de Maio|1º de Agosto|24 de Maio|Libertad|Esperance|Rest|KF Vitaz
AF Elbasani|SF 1919|RB 1|Club 9 de Octubre|North 1|Group A|1860 München|Schalke 04|07 Vestur
""".replace("\n", "|").split("|")


@pytest.mark.parametrize("name", [name for name in PLACEHOLDERS if name])
def test_a_placeholder_is_known_however_it_is_written(name: str) -> None:
    """In six languages, with numbers, letters and slashes, in any case."""
    assert is_placeholder(name)
    assert is_placeholder(f" {name.upper()} ")


@pytest.mark.parametrize("name", [name for name in CLUBS if name])
def test_a_club_is_none(name: str) -> None:
    """Clubs with numbers, slashes and words of placeholders in their names."""
    assert not is_placeholder(name)


def test_the_placeholders_of_a_fixture_are_named() -> None:
    """Home before away; two that are alike are no team that plays itself."""
    assert undrawn_teams("W49", "Leeds") == ["W49"]
    assert undrawn_teams("Leeds", "Derby") == []
    assert same_team_fault("N.N.", "n.n.") == ""
    assert same_team_fault("Leeds", "LEEDS") == "Leeds cannot play itself"


def _csv_names(folder: Path) -> Iterator[str]:
    for file in folder.rglob("*.csv"):
        with file.open(encoding="utf-8-sig", errors="replace") as lines:
            for row in csv.DictReader(lines):
                yield from (row.get(side) or "Leeds" for side in ("HomeTeam", "AwayTeam", "Home", "Away"))


def _json_names(folder: Path) -> Iterator[str]:
    for file in folder.rglob("*.json"):
        document = json.loads(file.read_bytes())
        rounds = [document, *(document.get("rounds") or [])] if isinstance(document, dict) else []
        for match in (match for one in rounds for match in one.get("matches") or []):
            for side in ("team1", "team2"):
                team = match.get(side)
                yield str(team.get("name") if isinstance(team, dict) else team)


def test_no_club_of_real_files_is_taken_for_one(shared_data: Path) -> None:
    """Of all names of the archive and both mirrors two are placeholders, in cups of openfootball."""
    archive = pq.read_table(shared_data / "matches_1998_2025-06.parquet", columns=["home_team", "away_team"])
    names = set(archive["home_team"].unique().to_pylist()) | set(archive["away_team"].unique().to_pylist())
    names |= set(_csv_names(shared_data / "mirror" / "www.football-data.co.uk"))
    names |= set(_json_names(shared_data / "mirror" / "openfootball" / "football.json"))

    assert len(names) > 8_000
    assert {name for name in names if is_placeholder(name)} == {"N.N.", "Sieger EF"}
