"""A team's matches for other programs: a calendar (RFC 5545) and an Atom feed (RFC 4287)."""

import datetime as dt
import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from serving.pages.shares import whole_percentages
from soccer_assets.clock import parse_instant
from soccer_assets.contract.release import Prediction

_ATOM = "http://www.w3.org/2005/Atom"
_LENGTH = "PT2H"
_OCTETS = 75
# What XML 1.0 cannot hold.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def calendar(name: str, matches: Sequence[Prediction], made_at: str) -> bytes:
    """An iCalendar of matches ahead; a match that is known by day only is an event of the whole day.

    Args:
        name: of the team.
        matches: with their forecasts.
        made_at: when the release was made, ISO 8601 in UTC.
    """
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//soccer-assets//forecasts//EN",
        f"X-WR-CALNAME:{_ical(name)}",
    ]
    stamp = _utc(parse_instant(made_at))
    for match in matches:
        kickoff = parse_instant(match.kickoff)
        is_timed = match.kickoff_precision == "minute"
        lines += [
            "BEGIN:VEVENT",
            f"UID:{_ical(match.match_id)}@soccer-assets",
            f"DTSTAMP:{stamp}",
            f"LAST-MODIFIED:{_utc(parse_instant(match.predicted_at))}",
            f"DTSTART:{_utc(kickoff)}" if is_timed else f"DTSTART;VALUE=DATE:{kickoff:%Y%m%d}",
            f"DURATION:{_LENGTH if is_timed else 'P1D'}",
            f"SUMMARY:{_ical(_title(match))}",
            f"DESCRIPTION:{_ical(_forecast(match))}",
            "TRANSP:TRANSPARENT",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return "".join(f"{_folded(line)}\r\n" for line in lines).encode()


def atom(name: str, team_id: str, matches: Sequence[Prediction], made_at: str) -> bytes:
    """An Atom feed: an entry for each match ahead, updated when its forecast was said."""
    ET.register_namespace("", _ATOM)
    feed = ET.Element(f"{{{_ATOM}}}feed")
    _add(feed, "id", f"urn:soccer-assets:team:{team_id}")
    _add(feed, "title", f"{name}: forecasts")
    _add(feed, "updated", max([match.predicted_at for match in matches], default=made_at))
    _add(ET.SubElement(feed, f"{{{_ATOM}}}author"), "name", "soccer-assets")
    for match in matches:
        entry = ET.SubElement(feed, f"{{{_ATOM}}}entry")
        _add(entry, "id", f"urn:soccer-assets:match:{match.match_id}")
        _add(entry, "title", f"{match.kickoff[:10]}: {_title(match)}")
        _add(entry, "updated", match.predicted_at)
        _add(entry, "content", _forecast(match)).set("type", "text")
    return bytes(ET.tostring(feed, encoding="utf-8", xml_declaration=True))


def _title(match: Prediction) -> str:
    return f"{match.home_team.name} \N{EN DASH} {match.away_team.name}"


def _forecast(match: Prediction) -> str:
    home, draw, away = whole_percentages((match.p_home, match.p_draw, match.p_away))
    return (
        f"{match.home_team.name} {home} %, draw {draw} %, {match.away_team.name} {away} % after 90 minutes. "
        f"{match.competition} {match.season}. A probability, not advice to bet."
    )


def _utc(instant: dt.datetime) -> str:
    return f"{instant.astimezone(dt.UTC):%Y%m%dT%H%M%SZ}"


def _ical(text: str) -> str:
    """A text value: what has a meaning in the format is escaped, control characters are left out."""
    plain = "".join(character for character in text if character.isprintable())
    return plain.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")


def _folded(line: str) -> str:
    """A line in pieces of at most 75 octets, no character cut."""
    pieces, piece = [], ""
    for character in line:
        if len((piece + character).encode()) > _OCTETS:
            pieces.append(piece)
            piece = " "
        piece += character
    return "\r\n".join([*pieces, piece])


def _add(parent: ET.Element, tag: str, text: str) -> ET.Element:
    element = ET.SubElement(parent, f"{{{_ATOM}}}{tag}")
    element.text = _NO_XML.sub("", text)
    return element
