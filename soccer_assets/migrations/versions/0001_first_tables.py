"""The first tables of matches, odds, teams and the ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    op.create_table(
        "competition",
        sa.Column("competition", sa.String(), nullable=False, comment="code of competitions.toml"),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("tier", sa.SmallInteger(), nullable=False, comment="0: cup or international"),
        sa.Column("sex", sa.String(), nullable=False),
        sa.Column("age_group", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("competition", name=op.f("pk_competition")),
    )
    op.create_table(
        "ingest",
        sa.Column("ingest_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("asset", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("window_start", sa.Date(), nullable=False),
        sa.Column("window_end", sa.Date(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("doubles", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("ingest_id", name=op.f("pk_ingest")),
    )
    op.create_table(
        "ledger_entry",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("match_id", sa.String(), nullable=False),
        sa.Column("kickoff", sa.DateTime(timezone=True), nullable=False, comment="as known when predicted"),
        sa.Column("kickoff_precision", sa.String(), nullable=False),
        sa.Column("competition", sa.String(), nullable=False),
        sa.Column("model_sha256", sa.String(length=64), nullable=False),
        sa.Column("p_home", sa.Float(), nullable=False),
        sa.Column("p_draw", sa.Float(), nullable=False),
        sa.Column("p_away", sa.Float(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_ledger_entry")),
    )
    op.create_index("ix_ledger_entry_match_id", "ledger_entry", ["match_id"], unique=False)
    op.create_table(
        "ledger_score",
        sa.Column("match_id", sa.String(), nullable=False),
        sa.Column(
            "revision", sa.Integer(), nullable=False, comment="rises when a corrected result re-scores"
        ),
        sa.Column("sequence", sa.BigInteger(), nullable=False, comment="the official entry; -1 where void"),
        sa.Column("verdict", sa.String(), nullable=False, comment="scored, or why it is void"),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("log_loss", sa.Float(), nullable=True),
        sa.Column("rps", sa.Float(), nullable=True),
        sa.Column("brier_score", sa.Float(), nullable=True),
        sa.Column("scored_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("match_id", "revision", name=op.f("pk_ledger_score")),
    )
    op.create_table(
        "match",
        sa.Column("match_id", sa.String(), nullable=False),
        sa.Column("kickoff", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kickoff_precision", sa.String(), nullable=False),
        sa.Column("competition", sa.String(), nullable=False),
        sa.Column("season", sa.String(), nullable=False),
        sa.Column("round", sa.String(), nullable=True),
        sa.Column("tier", sa.SmallInteger(), nullable=False),
        sa.Column("sex", sa.String(), nullable=False),
        sa.Column("age_group", sa.String(), nullable=False),
        sa.Column("home_team_id", sa.String(), nullable=False),
        sa.Column("away_team_id", sa.String(), nullable=False),
        sa.Column("home_goals", sa.SmallInteger(), nullable=True, comment="after 90 minutes and stoppage"),
        sa.Column("away_goals", sa.SmallInteger(), nullable=True),
        sa.Column("home_goals_half_time", sa.SmallInteger(), nullable=True),
        sa.Column("away_goals_half_time", sa.SmallInteger(), nullable=True),
        sa.Column("home_shots_on_target", sa.SmallInteger(), nullable=True),
        sa.Column("away_shots_on_target", sa.SmallInteger(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("neutral", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("source_match_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("change_no", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("match_id", name=op.f("pk_match")),
    )
    op.create_index("ix_match_change_no", "match", ["change_no"], unique=False)
    op.create_index("ix_match_competition_kickoff", "match", ["competition", "kickoff"], unique=False)
    op.create_index("ix_match_kickoff", "match", ["kickoff"], unique=False)
    op.create_table(
        "match_history",
        sa.Column("match_id", sa.String(), nullable=False),
        sa.Column("kickoff", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kickoff_precision", sa.String(), nullable=False),
        sa.Column("competition", sa.String(), nullable=False),
        sa.Column("season", sa.String(), nullable=False),
        sa.Column("round", sa.String(), nullable=True),
        sa.Column("tier", sa.SmallInteger(), nullable=False),
        sa.Column("sex", sa.String(), nullable=False),
        sa.Column("age_group", sa.String(), nullable=False),
        sa.Column("home_team_id", sa.String(), nullable=False),
        sa.Column("away_team_id", sa.String(), nullable=False),
        sa.Column("home_goals", sa.SmallInteger(), nullable=True, comment="after 90 minutes and stoppage"),
        sa.Column("away_goals", sa.SmallInteger(), nullable=True),
        sa.Column("home_goals_half_time", sa.SmallInteger(), nullable=True),
        sa.Column("away_goals_half_time", sa.SmallInteger(), nullable=True),
        sa.Column("home_shots_on_target", sa.SmallInteger(), nullable=True),
        sa.Column("away_shots_on_target", sa.SmallInteger(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("neutral", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("source_match_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaced_by_change_no", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("match_id", "version", name=op.f("pk_match_history")),
    )
    op.create_index(
        "ix_match_history_replaced_by_change_no", "match_history", ["replaced_by_change_no"], unique=False
    )
    op.create_table(
        "match_raw",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("source_match_id", sa.String(), nullable=False),
        sa.Column("meeting", sa.String(), nullable=False, comment="competition|season|home|away, folded"),
        sa.Column("competition", sa.String(), nullable=False),
        sa.Column("season", sa.String(), nullable=False),
        sa.Column("kickoff", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False, comment="the provider's fields as they came, JSON"),
        sa.Column("record", sa.Text(), nullable=False, comment="the same as a RawMatch, JSON"),
        sa.Column("sha256", sa.String(length=64), nullable=False, comment="of payload and record"),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("change_no", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "source_match_id", name=op.f("pk_match_raw")),
    )
    op.create_index("ix_match_raw_change_no", "match_raw", ["change_no"], unique=False)
    op.create_index("ix_match_raw_source_kickoff", "match_raw", ["source", "kickoff"], unique=False)
    op.create_index("ix_match_raw_source_meeting", "match_raw", ["source", "meeting"], unique=False)
    op.create_table(
        "match_raw_history",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("source_match_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kickoff", sa.DateTime(timezone=True), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaced_by_change_no", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "source_match_id", "version", name=op.f("pk_match_raw_history")),
    )
    op.create_index(
        "ix_match_raw_history_replaced_by_change_no",
        "match_raw_history",
        ["replaced_by_change_no"],
        unique=False,
    )
    op.create_table(
        "match_source_id",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("source_match_id", sa.String(), nullable=False),
        sa.Column("match_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("source", "source_match_id", name=op.f("pk_match_source_id")),
    )
    op.create_index("ix_match_source_id_match_id", "match_source_id", ["match_id"], unique=False)
    op.create_table(
        "odds",
        sa.Column("match_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False, comment="avg_closing, pinnacle_closing, ..."),
        sa.Column("home", sa.Float(), nullable=False),
        sa.Column("draw", sa.Float(), nullable=False),
        sa.Column("away", sa.Float(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("match_id", name=op.f("pk_odds")),
    )
    op.create_table(
        "rejected_row",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False, comment="of payload and reason"),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", "sha256", name=op.f("pk_rejected_row")),
    )
    op.create_table(
        "team",
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False, comment="as the source spells it"),
        sa.Column("folded_name", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("sex", sa.String(), nullable=False),
        sa.Column("age_group", sa.String(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("team_id", name=op.f("pk_team")),
    )
    op.create_table(
        "watermark",
        sa.Column("name", sa.String(), nullable=False, comment="what is counted, or who has read how far"),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_watermark")),
    )
    op.create_table(
        "team_alias",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("alias", sa.String(), nullable=False, comment="pool and folded name"),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["team_id"],
            ["team.team_id"],
        ),
        sa.PrimaryKeyConstraint("source", "alias", name=op.f("pk_team_alias")),
    )
