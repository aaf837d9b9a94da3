"""What the columns of every table hold, by column name; where a table differs, by table and column.

Not here: the 59 features (``football/feature_descriptions.py``).
"""

_MATCH = {
    "match_id": "id of the match, assigned once; it never changes",
    "kickoff": "start of the match; 12:00 UTC of its day where only the day is known",
    "kickoff_precision": "`minute`, or `day` where only the day of the kickoff is known",
    "competition": "code of the competition, such as ENG-1",
    "season": "season as the feed names it, such as 2024/2025 or 2025",
    "round": "round or matchday as the feed names it; empty where unknown",
    "tier": "level of the league, 1 at the top; 0 for cups and national teams",
    "sex": "`men` or `women`",
    "age_group": "`senior` or a limit of age such as `u21`",
    "squad": "`first`, `reserve` or `national`",
    "home_team_id": "id of the home team",
    "away_team_id": "id of the away team",
    "home_team": "name of the home team",
    "away_team": "name of the away team",
    "home_goals": "goals of the home team after 90 minutes and stoppage time; empty before the result",
    "away_goals": "goals of the away team after 90 minutes and stoppage time; empty before the result",
    "home_goals_half_time": "goals of the home team at half-time; empty where unknown",
    "away_goals_half_time": "goals of the away team at half-time; empty where unknown",
    "decided_by": "`regular`, `extra_time`, `penalties`, `awarded` or `unknown`; empty before the result",
    "home_goals_et": "goals of the home team after extra time, those of the 90 minutes included",
    "away_goals_et": "goals of the away team after extra time, those of the 90 minutes included",
    "home_pens": "goals of the home team in the penalty shoot-out",
    "away_pens": "goals of the away team in the penalty shoot-out",
    "home_shots_on_target": "shots on target of the home team; empty where unknown",
    "away_shots_on_target": "shots on target of the away team; empty where unknown",
    "home_shots": "all shots of the home team; empty where unknown",
    "away_shots": "all shots of the away team; empty where unknown",
    "home_corners": "corners of the home team; empty where unknown",
    "away_corners": "corners of the away team; empty where unknown",
    "status": "state of the match, such as `scheduled`, `live`, `finished` or `postponed`",
    "neutral": "whether the match is on neutral ground",
    "away_is_host": "whether the side named second is at home",
    "ground": "name and city of the ground, as the feed tells them; empty where it does not",
    "ground_rule": "why the side named first is not at home: a rule of neutral ground or the feed's own flag",
    "source": "name of the feed that the row comes from",
    "source_match_id": "id of the match in that feed",
    "version": "number of the row's version, from 1; a change adds 1",
    "updated_at": "when this version was written",
    "quarantine": "why models do not learn from the row; empty where they do",
    "change_no": "number of the transaction that wrote the row; readers continue after the last one they saw",
}
_RAW = {
    "meeting": "competition, season and folded names of both teams: recognises a rescheduled match",
    "payload": "the feed's fields unchanged, JSON",
    "record": "the row as it was parsed, JSON",
    "sha256": "hash of the row's content, hex",
    "first_seen_at": "when the feed first reported the match",
    "changed_at": "when the feed last reported a change",
}
_PREDICTION = {
    "model": "alias of the model: `champion`, `previous` or `candidate`",
    "model_version": "version of the model in the registry",
    "model_run_id": "MLflow run that registered the model",
    "model_sha256": "hash of the model's content, hex",
    "p_home": "probability of a home win, 0 to 1",
    "p_draw": "probability of a draw, 0 to 1",
    "p_away": "probability of an away win, 0 to 1",
    "expected_home_goals": "expected goals of the home team",
    "expected_away_goals": "expected goals of the away team",
    "over_2_5": "probability of three goals or more, 0 to 1",
    "both_teams_to_score": "probability that both teams score, 0 to 1",
    "likely_scores": "the five likeliest scores with their probabilities, JSON",
    "reasons": "groups of features that moved the forecast most, in log-odds, JSON; the champion's only",
    "predicted_kickoff": "the kickoff as known when the forecast was made",
    "predicted_at": "when the forecast was first made with these probabilities, ISO 8601",
}
_LEDGER = {
    "sequence": "position in the chain, from 1",
    "recorded_at": "when the prediction was made",
    "previous_hash": "hash of the entry before, hex",
    "hash": "hash of this entry and the one before, hex",
}
_ODDS = {
    "kind": "source of the price, such as `avg_closing` or `pinnacle_closing`",
    "home": "decimal price of a home win, above 1",
    "draw": "decimal price of a draw, above 1",
    "away": "decimal price of an away win, above 1",
}

COLUMN_DESCRIPTIONS: dict[str, str] = _MATCH | _RAW | _PREDICTION | _LEDGER | _ODDS
