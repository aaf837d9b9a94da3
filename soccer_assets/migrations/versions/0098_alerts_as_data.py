"""The alerts of a pending message as data: mails, webhooks and incident services are written from them."""

import sqlalchemy as sa
from alembic import op

revision = "0098"
down_revision = "0097"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    op.add_column(
        "alert_delivery",
        sa.Column("alerts", sa.Text, comment="what it tells of, JSON; null in messages of older versions"),
    )
