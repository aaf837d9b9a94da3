"""What each feature column holds: meaning, unit and bounds, for pages, documents and explanations.

Values describe what was known before kickoff; none is missing. The order is that of `features.FEATURE_NAMES`.
"""

import msgspec


class FeatureDescription(msgspec.Struct, frozen=True):
    """One feature column.

    Attributes:
        meaning: what it measures.
        unit: such as `Elo points`, `share` or `log goals`.
        bounds: the range that holds for every match; `none` where there is none.
    """

    meaning: str
    unit: str
    bounds: str

    def __str__(self) -> str:
        """As one line, such as "shrunk points per match; points, 0 to 3"."""
        bounds = "unbounded" if self.bounds == "none" else self.bounds
        return f"{self.meaning}; {self.unit}, {bounds}"


FEATURE_DESCRIPTIONS: dict[str, FeatureDescription] = {
    "elo_textbook_gap": FeatureDescription(
        "textbook Elo, home minus away, plus 80 on home ground", "Elo points", "none"
    ),
    "elo_gap": FeatureDescription(
        "tuned Elo, home minus away, plus the league's home advantage", "Elo points", "none"
    ),
    "elo_expectation": FeatureDescription("expected score of `elo_gap`: win 1, draw 0.5", "share", "0 to 1"),
    "league_home_advantage": FeatureDescription(
        "the league's home advantage; 0 on neutral ground", "Elo points", "none"
    ),
    "home_elo_above_league": FeatureDescription(
        "home side: tuned Elo minus the league's mean", "Elo points", "none"
    ),
    "away_elo_above_league": FeatureDescription(
        "away side: tuned Elo minus the league's mean", "Elo points", "none"
    ),
    "home_points_per_match_season": FeatureDescription(
        "home side: league points per match this season, shrunk towards 1.37 with the weight of 3 matches",
        "points",
        "0 to 3",
    ),
    "away_points_per_match_season": FeatureDescription(
        "away side: league points per match this season, shrunk towards 1.37 with the weight of 3 matches",
        "points",
        "0 to 3",
    ),
    "home_goal_difference_per_match_season": FeatureDescription(
        "home side: goal difference per match this season, shrunk towards 0", "goals", "none"
    ),
    "away_goal_difference_per_match_season": FeatureDescription(
        "away side: goal difference per match this season, shrunk towards 0", "goals", "none"
    ),
    "home_matches_season": FeatureDescription(
        "home side: league matches played this season", "matches", "0 or more"
    ),
    "away_matches_season": FeatureDescription(
        "away side: league matches played this season", "matches", "0 or more"
    ),
    "home_log_matches_known": FeatureDescription(
        "home side: log(1 + known results of the team)", "log", "0 or more"
    ),
    "away_log_matches_known": FeatureDescription(
        "away side: log(1 + known results of the team)", "log", "0 or more"
    ),
    "home_is_new_in_league": FeatureDescription(
        "home side: the team's last league match was in another competition", "flag", "0 to 1"
    ),
    "away_is_new_in_league": FeatureDescription(
        "away side: the team's last league match was in another competition", "flag", "0 to 1"
    ),
    "home_points_last_5": FeatureDescription(
        "home side: points of the last 5 matches, cups included; a match not yet played counts 1.37",
        "points",
        "0 to 15",
    ),
    "away_points_last_5": FeatureDescription(
        "away side: points of the last 5 matches, cups included; a match not yet played counts 1.37",
        "points",
        "0 to 15",
    ),
    "home_rest_days": FeatureDescription(
        "home side: days since the last known match, 60 at most", "days", "0 to 60"
    ),
    "away_rest_days": FeatureDescription(
        "away side: days since the last known match, 60 at most", "days", "0 to 60"
    ),
    "home_matches_14_days": FeatureDescription(
        "home side: matches in the 14 days before, 8 at most", "matches", "0 to 8"
    ),
    "away_matches_14_days": FeatureDescription(
        "away side: matches in the 14 days before, 8 at most", "matches", "0 to 8"
    ),
    "league_home_rate": FeatureDescription("moving share of home wins in the competition", "share", "0 to 1"),
    "league_draw_rate": FeatureDescription("moving share of draws in the competition", "share", "0 to 1"),
    "league_goals": FeatureDescription("moving mean of goals per match, both sides", "goals", "0 or more"),
    "season_progress": FeatureDescription("share of the season that is played; 0 in cups", "share", "0 to 1"),
    "tier": FeatureDescription(
        "1 for the top division; 0 for cups and national teams", "number", "0 or more"
    ),
    "is_neutral": FeatureDescription("the match is on neutral ground", "flag", "0 to 1"),
    "is_international": FeatureDescription("national teams play", "flag", "0 to 1"),
    "pi_gap": FeatureDescription("goals by which pi-ratings expect the home side to win", "goals", "none"),
    "home_pi_home": FeatureDescription("home side's pi-rating at home", "pi points", "none"),
    "home_pi_away": FeatureDescription("home side's pi-rating away", "pi points", "none"),
    "away_pi_home": FeatureDescription("away side's pi-rating at home", "pi points", "none"),
    "away_pi_away": FeatureDescription("away side's pi-rating away", "pi points", "none"),
    "home_points_per_match_last_season": FeatureDescription(
        "home side: shrunk league points per match in the previous season", "points", "0 to 3"
    ),
    "away_points_per_match_last_season": FeatureDescription(
        "away side: shrunk league points per match in the previous season", "points", "0 to 3"
    ),
    "slow_home_log_goals": FeatureDescription(
        "slow goal model: log of the goals expected of the home side", "log goals", "-3.0 to 2.3"
    ),
    "slow_away_log_goals": FeatureDescription(
        "slow goal model: log of the goals expected of the away side", "log goals", "-3.0 to 2.3"
    ),
    "slow_log_odds": FeatureDescription("slow goal model: log-odds of home against away", "log-odds", "none"),
    "slow_draw_log_odds": FeatureDescription(
        "slow goal model: log-odds of a draw against the geometric mean of home and away", "log-odds", "none"
    ),
    "slow_home_uncertainty": FeatureDescription(
        "slow goal model: standard deviation of the home side's attack + defence", "log goals", "0 or more"
    ),
    "slow_away_uncertainty": FeatureDescription(
        "slow goal model: standard deviation of the away side's attack + defence", "log goals", "0 or more"
    ),
    "fast_home_log_goals": FeatureDescription(
        "fast goal model: log of the goals expected of the home side", "log goals", "-3.0 to 2.3"
    ),
    "fast_away_log_goals": FeatureDescription(
        "fast goal model: log of the goals expected of the away side", "log goals", "-3.0 to 2.3"
    ),
    "fast_log_odds": FeatureDescription("fast goal model: log-odds of home against away", "log-odds", "none"),
    "fast_draw_log_odds": FeatureDescription("fast goal model: log-odds of a draw", "log-odds", "none"),
    "joint_home_log_goals": FeatureDescription(
        "joint goal model (goals, shots, corners): log of the goals expected of the home side",
        "log goals",
        "-3.0 to 2.3",
    ),
    "joint_away_log_goals": FeatureDescription(
        "joint goal model (goals, shots, corners): log of the goals expected of the away side",
        "log goals",
        "-3.0 to 2.3",
    ),
    "joint_log_odds": FeatureDescription(
        "joint goal model: log-odds of home against away", "log-odds", "none"
    ),
    "joint_draw_log_odds": FeatureDescription("joint goal model: log-odds of a draw", "log-odds", "none"),
    "joint_home_uncertainty": FeatureDescription(
        "joint goal model: standard deviation of the home side's attack + defence", "log goals", "0 or more"
    ),
    "joint_away_uncertainty": FeatureDescription(
        "joint goal model: standard deviation of the away side's attack + defence", "log goals", "0 or more"
    ),
    "home_surprise": FeatureDescription(
        "home side: score minus the joint model's expected score, mean of about 15 matches",
        "share of a win",
        "-1 to 1",
    ),
    "away_surprise": FeatureDescription(
        "away side: score minus the joint model's expected score, mean of about 15 matches",
        "share of a win",
        "-1 to 1",
    ),
    "home_venue_surprise": FeatureDescription(
        "home side: mean residual of the home sides in the team's last matches (about 60)",
        "share of a win",
        "-1 to 1",
    ),
    "away_venue_surprise": FeatureDescription(
        "away side: mean residual of the home sides in the team's last matches (about 60)",
        "share of a win",
        "-1 to 1",
    ),
    "league_favourite_gain": FeatureDescription(
        "above 0 if favourites win more than expected in the competition (about 1,000 matches)",
        "share of a win",
        "-1 to 1",
    ),
    "league_draw_surprise": FeatureDescription(
        "above 0 if draws are more frequent than expected in the competition (about 400 matches)",
        "share",
        "-1 to 1",
    ),
    "favourite_log_odds": FeatureDescription(
        "`joint_log_odds` times `league_favourite_gain`", "log-odds", "none"
    ),
    "priced_home_log_goals": FeatureDescription(
        "priced goal model (joint, and prices of past matches): log of the goals expected of the home side",
        "log goals",
        "-3.0 to 2.3",
    ),
    "priced_away_log_goals": FeatureDescription(
        "priced goal model (joint, and prices of past matches): log of the goals expected of the away side",
        "log goals",
        "-3.0 to 2.3",
    ),
    "priced_log_odds": FeatureDescription(
        "priced goal model: log-odds of home against away", "log-odds", "none"
    ),
    "priced_draw_log_odds": FeatureDescription("priced goal model: log-odds of a draw", "log-odds", "none"),
    "priced_home_uncertainty": FeatureDescription(
        "priced goal model: standard deviation of the home side's attack + defence", "log goals", "0 or more"
    ),
    "priced_away_uncertainty": FeatureDescription(
        "priced goal model: standard deviation of the away side's attack + defence", "log goals", "0 or more"
    ),
    "home_price_share": FeatureDescription(
        "home side: share of the team's last 8 matches that had a price", "share", "0 to 1"
    ),
    "away_price_share": FeatureDescription(
        "away side: share of the team's last 8 matches that had a price", "share", "0 to 1"
    ),
}
