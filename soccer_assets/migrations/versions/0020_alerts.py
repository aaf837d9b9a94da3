"""Alert notifications per subscriber, and their deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    op.create_table(
        "alert_told",
        sa.Column("subscriber", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False, comment="who looked: graph or watchdog"),
        sa.Column("condition", sa.String(), nullable=False, comment="kind:subject"),
        sa.Column("record", sa.Text(), nullable=False, comment="the condition as told, JSON"),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subscriber", "source", "condition", name=op.f("pk_alert_told")),
    )
    op.create_table(
        "alert_delivery",
        sa.Column("delivery_id", sa.String(), nullable=False),
        sa.Column("subscriber", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column(
            "next_try_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="taken by a sender until then, or due",
        ),
        sa.Column("last_error", sa.String(), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_alert_delivery")),
    )
    op.create_index(
        "ix_alert_delivery_delivered_at_next_try_at", "alert_delivery", ["delivered_at", "next_try_at"]
    )
