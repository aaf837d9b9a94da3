"""Makes a restored installation one of its own: another id than the original, and it alerts nobody."""

import datetime as dt

import sqlalchemy as sa

from soccer_assets.alerting.subscribers import Subscribers
from soccer_assets.operations.backup.places import Places
from soccer_assets.resources.database import Database
from soccer_assets.stores.installation import rename
from soccer_assets.tables import alert_delivery

# Until somebody decides: `soccer alerts mute` with an earlier instant starts a subscriber again.
_FOR_EVER = dt.datetime(9999, 12, 31, tzinfo=dt.UTC)


def become_a_copy(places: Places) -> int:
    """Give the staged parts an id of their own and mute their subscribers; returns how many were muted."""
    database = Database(places.matches)
    try:
        database.migrate()
        with database.writing() as connection:  # what the original still has to send
            connection.execute(sa.delete(alert_delivery).where(alert_delivery.c.delivered_at.is_(None)))
        rename(database, places.open_store())
    finally:
        database.engine.dispose()
    subscribers = Subscribers(places.alerts_file)
    muted = subscribers.all()
    for subscriber in muted:
        subscribers.mute(subscriber.id, _FOR_EVER)
    return len(muted)
