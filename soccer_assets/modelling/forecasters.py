"""Names of the forecasters of a scorecard."""

PRIOR = "prior"
ELO = "elo_textbook"
CHAMPION = "champion"
CANDIDATE = "candidate"
BOOK = "book"
# The candidate's recipe without the prices of past matches, where the candidate reads them.
WITHOUT_PRICES = "without_prices"
# The score grid of the goal rates alone, which is not scaled to the forecast's home, draw and away.
RATES = "rates_alone"
