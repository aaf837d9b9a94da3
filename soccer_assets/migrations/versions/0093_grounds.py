"""Where matches are played: the ground, what rule decides it, and hosts that are named second."""

import sqlalchemy as sa
from alembic import op

revision = "0093"
down_revision = "0092"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    for table in ("match", "match_history"):
        op.add_column(
            table,
            sa.Column(
                "away_is_host",
                sa.Boolean(),
                nullable=False,
                server_default=sa.false(),
                comment="the side named second is at home",
            ),
        )
        op.add_column(
            table, sa.Column("ground", sa.String(), comment="name and city, as the source tells them")
        )
        op.add_column(
            table, sa.Column("ground_rule", sa.String(), comment="why the side named first is not at home")
        )
    by_rule = sa.text("ground_rule IS NOT NULL")
    op.create_index(
        "ix_match_ground_rule", "match", ["kickoff"], sqlite_where=by_rule, postgresql_where=by_rule
    )
