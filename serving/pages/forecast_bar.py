"""A forecast as one bar with its numbers: shares are also text, so that colour is not needed.

A list has dozens: a template would escape each of thirty values where two are from outside.
"""

from markupsafe import Markup, escape

from serving.pages.shares import whole_percentages

_NAMES = ("home", "draw", "away")


def forecast_bar(
    p_home: float, p_draw: float, p_away: float, home: str, away: str, outcome: str = ""
) -> Markup:
    """The bar as HTML.

    Args:
        p_home: probability; likewise ``p_draw`` and ``p_away``.
        p_draw: see there.
        p_away: see there.
        home: name of the team; likewise ``away``. They are escaped.
        away: see there.
        outcome: what came: home, draw or away; empty before.
    """
    chances = (p_home, p_draw, p_away)
    percents = whole_percentages(chances)
    rects, shares, start = "", "", 0.0
    for name, chance, percent in zip(_NAMES, chances, percents, strict=True):
        x, width = round(start * 100, 3), round(chance * 100, 3)
        start += chance
        came, tick = (" came", "✓ ") if name == outcome else ("", "")
        rects += f'<rect class="{name}" x="{x}" y="0" width="{width}" height="8"/>\n'
        shares += (
            f'<li class="{name}{came}" title="{chance}">{tick}{percent}<span class="unit"> %</span></li>\n'
        )
    title = f"{escape(home)} {percents[0]} %, draw {percents[1]} %, {escape(away)} {percents[2]} %"
    return Markup(  # noqa: S704 - numbers, constants, and names escaped above
        '<div class="forecast">\n<svg class="bar" role="img" viewBox="0 0 100 8" preserveAspectRatio="none"'
        f' width="100%" height="10"><title>{title}</title>\n{rects}</svg>\n'
        f'<ul class="shares" aria-hidden="true">\n{shares}</ul>\n</div>\n'
    )
