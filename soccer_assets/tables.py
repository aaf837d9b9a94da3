"""The SQL tables, as SQLAlchemy Core: one definition for SQLite and PostgreSQL.

The graph writes them, and the sidecar reads `match` and `team`. `migrations` creates the schema; a test
compares it with this module. ``change_no`` rises with every transaction that changes rows, so a reader that
stores the last number it read finds exactly the new rows. Changing a column comment needs a migration.
"""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

metadata = sa.MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"}
)


class UtcDateTime(TypeDecorator[dt.datetime]):
    """An aware ``datetime`` in UTC; SQLite has no time zones and stores it naive."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """To the database: UTC, and naive on SQLite."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value}; attach a time zone before storing it")
        utc = value.astimezone(dt.UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002 - the signature is SQLAlchemy's
        """From the database: aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


SQUADS = "first, reserve or national"
DECIDED_BY = "regular, extra_time, penalties, awarded or unknown"

watermark = sa.Table(
    "watermark",
    metadata,
    sa.Column("name", sa.String, primary_key=True, comment="what is counted, or who has read how far"),
    sa.Column("value", sa.BigInteger, nullable=False),
)

installation = sa.Table(
    "installation",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True, comment="random, made with the table"),
    sa.Column("is_simulated", sa.Boolean, comment="whether its clubs are fictitious; empty before a feed"),
)

ingest = sa.Table(
    "ingest",
    metadata,
    sa.Column("ingest_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("asset", sa.String, nullable=False),
    sa.Column("source", sa.String, nullable=False),
    sa.Column("window_start", sa.Date, nullable=False),
    sa.Column("window_end", sa.Date, nullable=False),
    sa.Column("checked_at", UtcDateTime, nullable=False),
    sa.Column("seen", sa.Integer, nullable=False),
    sa.Column("added", sa.Integer, nullable=False),
    sa.Column("changed", sa.Integer, nullable=False),
    sa.Column("rejected", sa.Integer, nullable=False),
    sa.Column("doubles", sa.Integer, nullable=False),
)


def _raw_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("meeting", sa.String, nullable=False, comment="competition|season|home|away, folded"),
        sa.Column("competition", sa.String, nullable=False),
        sa.Column("season", sa.String, nullable=False),
        sa.Column("kickoff", UtcDateTime, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("payload", sa.Text, nullable=False, comment="the provider's fields as they came, JSON"),
        sa.Column("record", sa.Text, nullable=False, comment="the same as a RawMatch, JSON"),
        sa.Column("sha256", sa.String(64), nullable=False, comment="of payload and record"),
        sa.Column("first_seen_at", UtcDateTime, nullable=False),
        sa.Column("changed_at", UtcDateTime, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("change_no", sa.BigInteger, nullable=False),
    ]


match_raw = sa.Table(
    "match_raw",
    metadata,
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("source_match_id", sa.String, primary_key=True),
    *_raw_columns(),
    sa.Index("ix_match_raw_change_no", "change_no"),
    sa.Index("ix_match_raw_source_kickoff", "source", "kickoff"),
    sa.Index("ix_match_raw_source_meeting", "source", "meeting"),
)

match_raw_history = sa.Table(
    "match_raw_history",
    metadata,
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("source_match_id", sa.String, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("kickoff", UtcDateTime, nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("record", sa.Text, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
    sa.Column("replaced_by_change_no", sa.BigInteger, nullable=False),
    sa.Index("ix_match_raw_history_replaced_by_change_no", "replaced_by_change_no"),
)

rejected_row = sa.Table(
    "rejected_row",
    metadata,
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("sha256", sa.String(64), primary_key=True, comment="of payload and reason"),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("first_seen_at", UtcDateTime, nullable=False),
    sa.Column("last_seen_at", UtcDateTime, nullable=False),
)

competition = sa.Table(
    "competition",
    metadata,
    sa.Column("competition", sa.String, primary_key=True, comment="code of competitions.toml"),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("country", sa.String, nullable=False),
    sa.Column("tier", sa.SmallInteger, nullable=False, comment="0: cup or international"),
    sa.Column("sex", sa.String, nullable=False),
    sa.Column("age_group", sa.String, nullable=False),
    sa.Column("squad", sa.String, nullable=False, server_default="first", comment=SQUADS),
)

team = sa.Table(
    "team",
    metadata,
    sa.Column("team_id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False, comment="as the source spells it"),
    sa.Column("folded_name", sa.String, nullable=False),
    sa.Column("country", sa.String, nullable=False),
    sa.Column("sex", sa.String, nullable=False),
    sa.Column("age_group", sa.String, nullable=False),
    sa.Column("first_seen_at", UtcDateTime, nullable=False),
    sa.Column("squad", sa.String, nullable=False, server_default="first"),
)

team_alias = sa.Table(
    "team_alias",
    metadata,
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("alias", sa.String, primary_key=True, comment="pool and folded name"),
    sa.Column("team_id", sa.String, sa.ForeignKey("team.team_id"), nullable=False),
)

team_merge = sa.Table(
    "team_merge",
    metadata,
    sa.Column("gone", sa.String, primary_key=True, comment="an id that stays valid"),
    sa.Column("keep", sa.String, nullable=False, comment="the team it leads to"),
    sa.Column("merged_at", UtcDateTime, nullable=False),
)

team_split = sa.Table(
    "team_split",
    metadata,
    sa.Column("gone", sa.String, primary_key=True, comment="split by hand: never learnt to be one again"),
    sa.Column("keep", sa.String, primary_key=True),
    sa.Column("split_at", UtcDateTime, nullable=False),
)

team_source_id = sa.Table(
    "team_source_id",
    metadata,
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("pool", sa.String, primary_key=True, comment="sex, age group and squad"),
    sa.Column("source_team_id", sa.String, primary_key=True, comment="the provider's own id"),
    sa.Column("team_id", sa.String, nullable=False),
    sa.Column("is_placed", sa.Boolean, nullable=False, comment="whether its country is known"),
)

team_spelling = sa.Table(
    "team_spelling",
    metadata,
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("pool", sa.String, primary_key=True, comment="country, sex, age group, and squad"),
    sa.Column("spelling", sa.String, primary_key=True, comment="folded"),
    sa.Column("club", sa.String, nullable=False, comment="folded name of the club that is meant"),
    sa.Column("name", sa.String, nullable=False, comment="the club's name as it is shown"),
    sa.Column("why", sa.String, nullable=False, comment="what decided it"),
    sa.Column("decided_at", UtcDateTime, nullable=False),
)

held_match = sa.Table(
    "held_match",
    metadata,
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("sha256", sa.String(64), primary_key=True, comment="of the record"),
    sa.Column("competition", sa.String, nullable=False),
    sa.Column("season", sa.String, nullable=False),
    sa.Column("kickoff", UtcDateTime, nullable=False),
    sa.Column("open_names", sa.Text, nullable=False, comment="name, guess and reason by pool and spelling"),
    sa.Column("record", sa.Text, nullable=False, comment="the row as a RawMatch, JSON"),
    sa.Column("first_seen_at", UtcDateTime, nullable=False),
    sa.Column("last_seen_at", UtcDateTime, nullable=False),
)

feed_agreement = sa.Table(
    "feed_agreement",
    metadata,
    sa.Column("competition", sa.String, primary_key=True),
    sa.Column("month", sa.String, primary_key=True, comment="of the kickoffs, such as 2025-04"),
    sa.Column("first", sa.String, primary_key=True, comment="the feed whose rows count"),
    sa.Column("second", sa.String, primary_key=True),
    sa.Column("compared", sa.Integer, nullable=False, comment="results in both"),
    sa.Column("contradicted", sa.Integer, nullable=False, comment="results with different scores"),
    sa.Column("is_disputed", sa.Boolean, nullable=False, comment="whether neither is believed"),
    sa.Column("timed", sa.Integer, nullable=False, comment="kickoffs that both know to the minute"),
    sa.Column("offset_minutes", sa.Integer, nullable=False, comment="second minus first; 0: no offset"),
    sa.Column("shifted", sa.Integer, nullable=False, comment="kickoffs with that offset"),
    sa.Column("contradictions", sa.Text, nullable=False, comment="day, teams and both scores, JSON"),
    sa.Column("compared_at", UtcDateTime, nullable=False),
)

feed_trust = sa.Table(
    "feed_trust",
    metadata,
    sa.Column("competition", sa.String, primary_key=True),
    sa.Column("month", sa.String, primary_key=True, comment="such as 2025-04; empty: every month"),
    sa.Column("feed", sa.String, nullable=False, comment="the feed that is right; empty: neither"),
    sa.Column("is_valid", sa.Boolean, nullable=False, comment="false: the decision was withdrawn"),
    sa.Column("decided_at", UtcDateTime, nullable=False),
)

vanished_match = sa.Table(
    "vanished_match",
    metadata,
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("source_match_id", sa.String, primary_key=True),
    sa.Column(
        "vanished_at", UtcDateTime, nullable=False, comment="the first look that no longer had the row"
    ),
    sa.Column("replaced_by", sa.String, comment="source_match_id of the row that came in its place"),
    sa.Column("how", sa.String, comment="how that row is known to be the same match"),
)

match_merge = sa.Table(
    "match_merge",
    metadata,
    sa.Column("gone", sa.String, primary_key=True, comment="an id that was a match of its own"),
    sa.Column("keep", sa.String, nullable=False, comment="the match that it is one with"),
    sa.Column("merged_at", UtcDateTime, nullable=False),
    sa.Column("change_no", sa.BigInteger, nullable=False),
    sa.Index("ix_match_merge_change_no", "change_no"),
)

# Append-only: each match that was played and no longer counts as such.
match_removal = sa.Table(
    "match_removal",
    metadata,
    sa.Column("removal_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("match_id", sa.String, nullable=False, comment="empty where a person accepted a loss"),
    sa.Column("matches", sa.Integer, nullable=False, comment="how many; 1 but for an accepted loss"),
    sa.Column("reason", sa.String, nullable=False, comment="merged, accepted, or the new status"),
    sa.Column("keep", sa.String, comment="the match that it is one with"),
    sa.Column("removed_at", UtcDateTime, nullable=False),
    sa.Column("change_no", sa.BigInteger, nullable=False),
)

shared_match_id = sa.Table(
    "shared_match_id",
    metadata,
    sa.Column("match_id", sa.String, primary_key=True, comment="that one feed's row alone would give"),
    sa.Column("keep", sa.String, nullable=False, comment="id of the match, from another feed's row"),
)

match_source_id = sa.Table(
    "match_source_id",
    metadata,
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("source_match_id", sa.String, primary_key=True),
    sa.Column("match_id", sa.String, nullable=False),
    sa.Index("ix_match_source_id_match_id", "match_id"),
)


HANDICAPS = "goals added to the home side, in quarters: the line of the next two prices"
PRICE_KINDS = "whose prices and from when: avg_closing, pinnacle_closing, betbrain_avg, ..."


def _match_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("kickoff", UtcDateTime, nullable=False),
        sa.Column("kickoff_precision", sa.String, nullable=False),
        sa.Column("competition", sa.String, nullable=False),
        sa.Column("season", sa.String, nullable=False),
        sa.Column("round", sa.String),
        sa.Column("tier", sa.SmallInteger, nullable=False),
        sa.Column("sex", sa.String, nullable=False),
        sa.Column("age_group", sa.String, nullable=False),
        sa.Column("squad", sa.String, nullable=False, server_default="first", comment=SQUADS),
        sa.Column("home_team_id", sa.String, nullable=False),
        sa.Column("away_team_id", sa.String, nullable=False),
        sa.Column("home_goals", sa.SmallInteger, comment="after 90 minutes and stoppage"),
        sa.Column("away_goals", sa.SmallInteger),
        sa.Column("home_goals_half_time", sa.SmallInteger),
        sa.Column("away_goals_half_time", sa.SmallInteger),
        sa.Column("decided_by", sa.String, comment=DECIDED_BY),
        sa.Column("home_goals_et", sa.SmallInteger, comment="after extra time, the 90 minutes included"),
        sa.Column("away_goals_et", sa.SmallInteger),
        sa.Column("home_pens", sa.SmallInteger),
        sa.Column("away_pens", sa.SmallInteger),
        sa.Column("home_shots_on_target", sa.SmallInteger),
        sa.Column("away_shots_on_target", sa.SmallInteger),
        sa.Column("home_shots", sa.SmallInteger),
        sa.Column("away_shots", sa.SmallInteger),
        sa.Column("home_corners", sa.SmallInteger),
        sa.Column("away_corners", sa.SmallInteger),
        sa.Column(
            "home_price", sa.Float, comment="decimal; known once the match is over, as are the next two"
        ),
        sa.Column("draw_price", sa.Float),
        sa.Column("away_price", sa.Float),
        sa.Column("price_kind", sa.String, comment=PRICE_KINDS),
        sa.Column("over_price", sa.Float, comment="decimal, of over 2.5 goals; known once the match is over"),
        sa.Column("under_price", sa.Float),
        sa.Column("handicap", sa.Float, comment=HANDICAPS),
        sa.Column("home_handicap_price", sa.Float),
        sa.Column("away_handicap_price", sa.Float),
        sa.Column("goal_price_kind", sa.String, comment=PRICE_KINDS),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("neutral", sa.Boolean, nullable=False),
        sa.Column(
            "away_is_host",
            sa.Boolean,
            nullable=False,
            server_default=sa.false(),
            comment="the side named second is at home",
        ),
        sa.Column("ground", sa.String, comment="name and city, as the source tells them"),
        sa.Column("ground_rule", sa.String, comment="why the side named first is not at home"),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("source_match_id", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.Column("quarantine", sa.String, comment="why the row teaches nothing; empty where it does"),
    ]


# Finished, and the score after 90 minutes is not known.
WITHOUT_SCORE = sa.text("status = 'finished' AND home_goals IS NULL")
# A finished match has its score after 90 minutes, or the reason why it has none.
HAS_SCORE_OR_REASON = (
    "status <> 'finished' OR (home_goals IS NOT NULL AND away_goals IS NOT NULL) "
    "OR (decided_by IS NOT NULL AND decided_by IN ('extra_time', 'penalties', 'unknown'))"
)
_MARKED = sa.text("quarantine IS NOT NULL")
_BY_RULE = sa.text("ground_rule IS NOT NULL")
# Few rows: the number of played matches is that of all matches less these, and needs no scan.
NOT_SETTLED = sa.text("status <> 'finished'")
AWAITING = ("scheduled", "tbd", "live")
# SQLite takes a partial index only where a query repeats its condition. That of the index has no list: SQLite
# builds one anew for each row that is inserted, 4 us each.
AWAITS_RESULT = sa.text(f"({NOT_SETTLED.text} AND status IN {AWAITING})")
match = sa.Table(
    "match",
    metadata,
    sa.Column("match_id", sa.String, primary_key=True),
    *_match_columns(),
    sa.Column("change_no", sa.BigInteger, nullable=False),
    sa.Index("ix_match_change_no", "change_no"),
    sa.Index("ix_match_kickoff", "kickoff"),
    sa.Index("ix_match_home_team_id", "home_team_id"),
    sa.Index("ix_match_away_team_id", "away_team_id"),
    sa.Index("ix_match_competition_kickoff", "competition", "kickoff"),
    sa.Index("ix_match_quarantine", "competition", sqlite_where=_MARKED, postgresql_where=_MARKED),
    sa.Index("ix_match_ground_rule", "kickoff", sqlite_where=_BY_RULE, postgresql_where=_BY_RULE),
    sa.Index(
        "ix_match_not_settled", "kickoff", "status", sqlite_where=NOT_SETTLED, postgresql_where=NOT_SETTLED
    ),
    sa.Index(
        "ix_match_without_score", "decided_by", sqlite_where=WITHOUT_SCORE, postgresql_where=WITHOUT_SCORE
    ),
    sa.CheckConstraint(HAS_SCORE_OR_REASON, name="ck_match_has_score_or_reason"),
)

match_history = sa.Table(
    "match_history",
    metadata,
    sa.Column("match_id", sa.String, primary_key=True),
    *(
        sa.Column("version", sa.Integer, primary_key=True) if column.name == "version" else column
        for column in _match_columns()
    ),
    sa.Column("replaced_by_change_no", sa.BigInteger, nullable=False),
    sa.Index("ix_match_history_replaced_by_change_no", "replaced_by_change_no"),
)

odds = sa.Table(
    "odds",
    metadata,
    sa.Column("match_id", sa.String, primary_key=True),
    sa.Column("kind", sa.String, nullable=False, comment="avg_closing, pinnacle_closing, ..."),
    sa.Column("home", sa.Float, nullable=False),
    sa.Column("draw", sa.Float, nullable=False),
    sa.Column("away", sa.Float, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Index("ix_odds_updated_at", "updated_at"),
)

ledger_entry = sa.Table(
    "ledger_entry",
    metadata,
    sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("match_id", sa.String, nullable=False),
    sa.Column("kickoff", UtcDateTime, nullable=False, comment="as known when predicted"),
    sa.Column("kickoff_precision", sa.String, nullable=False),
    sa.Column("competition", sa.String, nullable=False),
    sa.Column("model_sha256", sa.String(64), nullable=False),
    sa.Column("p_home", sa.Float, nullable=False),
    sa.Column("p_draw", sa.Float, nullable=False),
    sa.Column("p_away", sa.Float, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Column("previous_hash", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Index("ix_ledger_entry_match_id", "match_id"),
)

ledger_score = sa.Table(
    "ledger_score",
    metadata,
    sa.Column("match_id", sa.String, primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True, comment="rises when a corrected result re-scores"),
    sa.Column("sequence", sa.BigInteger, nullable=False, comment="the official entry; -1 where void"),
    sa.Column("verdict", sa.String, nullable=False, comment="scored, or why it is void"),
    sa.Column("outcome", sa.String),
    sa.Column("log_loss", sa.Float),
    sa.Column("rps", sa.Float),
    sa.Column("brier_score", sa.Float),
    sa.Column("scored_at", UtcDateTime, nullable=False),
    sa.Index("ix_ledger_score_scored_at", "scored_at"),
)

# Predictions of the previous champion for the same matches, outside the ledger's hash chain.
shadow_entry = sa.Table(
    "shadow_entry",
    metadata,
    sa.Column("model_sha256", sa.String(64), primary_key=True),
    sa.Column("match_id", sa.String, primary_key=True),
    sa.Column("deadline", UtcDateTime, nullable=False, comment="what is said later does not count"),
    sa.Column("p_home", sa.Float, nullable=False),
    sa.Column("p_draw", sa.Float, nullable=False),
    sa.Column("p_away", sa.Float, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Index("ix_shadow_entry_match_id", "match_id"),
)
settled_tally = sa.Table(
    "settled_tally",
    metadata,
    sa.Column("champion_sha256", sa.String(64), primary_key=True),
    sa.Column("against", sa.String(64), primary_key=True, comment="hash of another model, or itself"),
    sa.Column("tally", sa.Text, nullable=False, comment="sums over the settled matches, JSON"),
)

alert_told = sa.Table(
    "alert_told",
    metadata,
    sa.Column("subscriber", sa.String, primary_key=True),
    sa.Column("source", sa.String, primary_key=True, comment="who looked: graph or watchdog"),
    sa.Column("condition", sa.String, primary_key=True, comment="kind:subject"),
    sa.Column("record", sa.Text, nullable=False, comment="the condition as told, JSON"),
    sa.Column("told_at", UtcDateTime, nullable=False),
)

alert_delivery = sa.Table(
    "alert_delivery",
    metadata,
    sa.Column("delivery_id", sa.String, primary_key=True),
    sa.Column("subscriber", sa.String, nullable=False),
    sa.Column("title", sa.String, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("alerts", sa.Text, comment="what it tells of, JSON; null in messages of older versions"),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_try_at", UtcDateTime, nullable=False, comment="taken by a sender until then, or due"),
    sa.Column("last_error", sa.String, nullable=False),
    sa.Column("delivered_at", UtcDateTime),
    sa.Index("ix_alert_delivery_delivered_at_next_try_at", "delivered_at", "next_try_at"),
)
