"""What holds now, of every observer: read from what the event stream was told, which is told everything."""

import msgspec
import sqlalchemy as sa

from soccer_assets.alerting.alert import brief, headline
from soccer_assets.alerting.faults import NEW, Condition, Notification
from soccer_assets.alerting.guides import GUIDES
from soccer_assets.alerting.subscribers import EVENTS
from soccer_assets.contract.pipeline import OpenAlert
from soccer_assets.resources.database import Database
from soccer_assets.tables import alert_told


def open_alerts(database: Database) -> tuple[OpenAlert, ...]:
    """Open faults and notices, the newest first; their texts are without credentials."""
    query = sa.select(alert_told.c.record).where(alert_told.c.subscriber == EVENTS)
    with database.reading() as connection:
        records = connection.execute(query).scalars().all()
    found = [_alert(msgspec.json.decode(record, type=Condition)) for record in records]
    return tuple(sorted(found, key=lambda alert: (alert.since, alert.headline), reverse=True))


def _alert(condition: Condition) -> OpenAlert:
    guide = GUIDES[condition.kind]
    text = headline(Notification(transition=NEW, condition=condition))
    cause = brief(condition.cause)
    return OpenAlert(
        severity=condition.severity,
        headline=f"{text}: {cause}" if cause else text,
        since=condition.since,
        impact=condition.impact or guide.impact,
        action=condition.action or guide.action,
    )
