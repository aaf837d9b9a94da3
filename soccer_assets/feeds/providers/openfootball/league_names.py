"""How openfootball's files name their leagues: a file of another league in a league's place is told by it.

From the field ``name`` of the files of 2010/11 to 2024/25, without the season. A name that is not listed says
nothing: the provider renames leagues.
"""

import re
from typing import Any

from soccer_assets.football.text_folding import fold

_NAMES = {
    "ar.1": ("Argentina Primera Division",),
    "at.1": ("Österr. Bundesliga",),
    "at.2": ("Österr. 2. Liga", "Österr. Erste Liga"),
    "at.cup": ("ÖFB Cup",),
    "au.1": ("Australia | A-League",),
    "be.1": ("Belgium First Division A",),
    "br.1": ("Brasileiro Série A",),
    "ch.1": ("Swiss Super League",),
    "ch.2": ("Swiss Challenge League",),
    "cn.1": ("China | Super League",),
    "cz.1": ("Czech Republic First League",),
    "de.1": ("Deutsche Bundesliga",),
    "de.2": ("Deutsche 2. Bundesliga",),
    "de.3": ("Deutsche 3. Liga",),
    "de.cup": ("DFB Pokal",),
    "dz.1": ("Algeria | Ligue 1",),
    "eg.1": ("Egypt | Premiership",),
    "en.1": ("English Premier League",),
    "en.2": ("English Championship",),
    "en.3": ("English League One",),
    "en.4": ("English League Two",),
    "es.1": ("Primera División de España", "Spain Primera División"),
    "es.2": ("Segunda División de España", "Spain Segunda División"),
    "fr.1": ("French Ligue 1",),
    "fr.2": ("French Ligue 2",),
    "gr.1": ("Greek Super League",),
    "hu.1": ("Hungarian Nemzeti Bajnokság I",),
    "it.1": ("Italian Serie A",),
    "it.2": ("Italian Serie B",),
    "jp.1": ("Japan | J1 League",),
    "ma.1": ("Morocco | Botola Pro 1",),
    "mx.1": ("Liga MX",),
    "nl.1": ("Netherlands Eredivisie",),
    "pt.1": ("Portuguese Primeira Liga",),
    "ru.1": ("Russia Premier League",),
    "ru.2": ("Russia 1. Division",),
    "sco.1": ("Scottish Premiership",),
    "tr.1": ("Turkish Süper Lig",),
    "tr.2": ("Turkish 1. Lig",),
    "uefa.cl": ("UEFA Champions League",),
}
_LEAGUE_OF = {fold(name): league for league, names in _NAMES.items() for name in names}
_SEASON = re.compile(r"[\s|]*\d{4}(?:[/-]\d{2,4})?\s*$")


def other_league(document: Any, league: str) -> str | None:
    """The league, such as ``de.1``, that a file's document names in place of its own; None where none is.

    Args:
        document: the file's JSON.
        league: the file's name without ``.json``.
    """
    name = document.get("name") if isinstance(document, dict) else None
    if not isinstance(name, str):
        return None
    found = _LEAGUE_OF.get(fold(_SEASON.sub("", name)))
    return None if found == league else found
