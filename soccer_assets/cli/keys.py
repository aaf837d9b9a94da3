"""`soccer keys`: API keys of the sidecar's clients."""

import click

from soccer_assets.cli.common import fail, settings_of_environment, store_of


@click.group()
def keys() -> None:
    """API keys of the sidecar's clients."""


@keys.command("create")
@click.option(
    "--scope", "scopes", multiple=True, required=True, type=click.Choice(["read", "predict", "admin"])
)
@click.option("--note", default="", help="A note, such as the owner's name.")
def create(scopes: tuple[str, ...], note: str) -> None:
    """Create a key and print its token; it is not shown again."""
    from soccer_assets.stores.releases.key_store import create_key  # noqa: PLC0415

    settings = settings_of_environment()
    click.echo(create_key(store_of(settings), scopes, settings.clock.now(), note))


@keys.command("list")
def show() -> None:
    """Print id, scopes, creation date and note of every key."""
    from soccer_assets.stores.releases.key_store import list_keys  # noqa: PLC0415

    for key in list_keys(store_of(settings_of_environment())):
        click.echo(f"{key.id}  {','.join(key.scopes):<13} {key.created_at}  {key.note}".rstrip())


@keys.command()
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Revoke the key with this id; running sidecars refuse it within seconds."""
    from soccer_assets.stores.releases.key_store import revoke_key  # noqa: PLC0415

    try:
        revoke_key(store_of(settings_of_environment()), key_id)
    except ValueError as error:
        fail(str(error))
