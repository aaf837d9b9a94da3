"""Where the routes of the pages come together, and which guards they have."""

from litestar import Router
from litestar.types import ControllerRouterHandler

from serving.http.page_access import admit_link, admit_page
from serving.http.query import check_query
from serving.routes.pages import (
    about,
    assets,
    league_table,
    match,
    models,
    record,
    robots,
    sign_in,
    status_page,
    team_pages,
    unsubscribe,
)

# Without a guard of their own: the form is for those who are not signed in yet.
OPEN: tuple[ControllerRouterHandler, ...] = (
    *sign_in.handlers,
    assets.read_asset,
    robots.read_robots,
    robots.read_sitemap,
    *unsubscribe.handlers,
)
PAGES: tuple[ControllerRouterHandler, ...] = (
    about.read_about,
    models.read_models,
    record.read_record,
    status_page.read_status,
    match.read_match,
    league_table.list_competitions,
    league_table.read_competition,
    team_pages.search_teams,
    team_pages.read_team,
)
# For programs, which have no session: a link's token stands for it.
LINKS: tuple[ControllerRouterHandler, ...] = (team_pages.read_calendar, team_pages.read_feed)


def routers() -> list[Router]:
    """The pages' routers; none of them is in the OpenAPI document."""
    return [
        Router("/", route_handlers=OPEN, guards=[check_query], include_in_schema=False),
        Router("/", route_handlers=LINKS, guards=[check_query, admit_link], include_in_schema=False),
        Router(
            "/",
            route_handlers=PAGES,
            guards=[check_query, admit_page],
            include_in_schema=False,
            opt={"is_page": True},
        ),
    ]
