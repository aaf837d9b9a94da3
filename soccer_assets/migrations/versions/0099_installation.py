"""The installation's id, removals of played matches, and how many matches were ever played."""

import secrets

import sqlalchemy as sa
from alembic import op

from soccer_assets.tables import UtcDateTime

revision = "0099"
down_revision = "0098"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    table = op.create_table(
        "installation",
        sa.Column("id", sa.String(16), primary_key=True, comment="random, made with the table"),
        sa.Column(
            "is_simulated", sa.Boolean, comment="whether its clubs are fictitious; empty before a feed"
        ),
    )
    op.bulk_insert(table, [{"id": secrets.token_hex(8), "is_simulated": None}])
    op.create_table(
        "match_removal",
        sa.Column("removal_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("match_id", sa.String, nullable=False, comment="empty where a person accepted a loss"),
        sa.Column("matches", sa.Integer, nullable=False, comment="how many; 1 but for an accepted loss"),
        sa.Column("reason", sa.String, nullable=False, comment="merged, accepted, or the new status"),
        sa.Column("keep", sa.String, comment="the match that it is one with"),
        sa.Column("removed_at", UtcDateTime, nullable=False),
        sa.Column("change_no", sa.BigInteger, nullable=False),
    )
    not_settled = sa.text("status <> 'finished'")
    op.create_index(
        "ix_match_not_settled", "match", ["status"], sqlite_where=not_settled, postgresql_where=not_settled
    )
    # What is there now is where the count begins.
    op.execute(
        "INSERT INTO watermark (name, value) "
        "SELECT 'matches settled', count(*) FROM match WHERE status = 'finished'"
    )
