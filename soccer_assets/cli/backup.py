"""`soccer backup` and `soccer restore`."""

import os
from pathlib import Path

import click

from soccer_assets.cli.common import fail, keep_libraries_quiet, settings_of_environment


@click.command()
@click.argument("to", type=click.Path(path_type=Path))
def backup(to: Path) -> None:
    """Copy everything that this installation is made of into the new folder TO, while it runs."""
    settings = settings_of_environment()
    keep_libraries_quiet()
    from soccer_assets.operations.backup.archive import BackupError  # noqa: PLC0415
    from soccer_assets.operations.backup.create import back_up  # noqa: PLC0415

    click.echo(f"backup of {settings.home} to {to}:")
    try:
        manifest = back_up(settings, os.environ, to.absolute(), click.echo)
    except BackupError as error:
        fail(str(error))
    facts = manifest.facts
    click.echo(
        f"backed up {facts.matches:,} matches, release {facts.release_id or 'none'}, ledger of "
        f"{facts.ledger_entries:,} entries, champion version {facts.model_version or 'none'}"
    )


@click.command()
@click.argument("from_", metavar="FROM", type=click.Path(path_type=Path))
@click.option(
    "--replace", "mode", flag_value="replace", help="Take the place of the original, which is gone."
)
@click.option(
    "--copy", "mode", flag_value="copy", help="Make an installation of its own beside the original."
)
def restore(from_: Path, mode: str | None) -> None:
    """Restore the backup FROM into SOCCER_HOME, or into the servers that the settings name."""
    if mode is None:
        fail("say --replace, if the original is gone, or --copy, for a second installation beside it")
    settings = settings_of_environment()
    keep_libraries_quiet()
    from soccer_assets.operations.backup.archive import BackupError  # noqa: PLC0415
    from soccer_assets.operations.backup.restore import Mode  # noqa: PLC0415
    from soccer_assets.operations.backup.restore import restore as restore_into  # noqa: PLC0415

    click.echo(f"restore of {from_} into {settings.home}:")
    try:
        restored = restore_into(settings, os.environ, from_.absolute(), Mode(mode), click.echo)
    except BackupError as error:
        fail(str(error))
    facts = restored.manifest.facts
    click.echo(
        f"restored {facts.matches:,} matches, release {facts.release_id or 'none'} and a ledger of "
        f"{facts.ledger_entries:,} entries, as of {restored.manifest.made_at}"
    )
    for place in restored.set_aside:
        click.echo(f"what was there before is now {place}; delete it when you no longer need it")
    if restored.muted:
        click.echo(
            f"{restored.muted} subscribers to alerts are muted, because this is a copy; `soccer alerts list` "
            "shows them, `soccer alerts mute ID --until` with an instant starts one again"
        )
