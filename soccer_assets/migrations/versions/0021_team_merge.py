"""Teams merged by hand."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    op.create_table(
        "team_merge",
        sa.Column("gone", sa.String(), nullable=False, comment="an id that stays valid"),
        sa.Column("keep", sa.String(), nullable=False, comment="the team it leads to"),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("gone", name=op.f("pk_team_merge")),
    )
