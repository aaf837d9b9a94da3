"""`soccer pages`: let a browser of this machine's user into the pages."""

import click

from soccer_assets.cli.common import fail, settings_of_environment, store_of


@click.group()
def pages() -> None:
    """The pages for people, beside the API."""


@pages.command("open")
def open_() -> None:
    """Print a one-time code that signs in at the pages: good for 60 seconds, once, in this home."""
    from soccer_assets.operations.welcome import local_key_id  # noqa: PLC0415 - help is instant
    from soccer_assets.stores.releases.page_codes import create_code  # noqa: PLC0415

    settings = settings_of_environment()
    if settings.pages != "keyed":
        fail(f"SOCCER_PAGES={settings.pages}: nobody signs in; a code is for SOCCER_PAGES=keyed")
    code = create_code(store_of(settings), local_key_id(settings))
    address = settings.pages_url or f"http://127.0.0.1:{settings.serving_port}"
    click.echo(f"{code}\n\ntype it within 60 seconds at {address}/sign-in")
