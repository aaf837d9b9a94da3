"""football-data.co.uk: season files, extra leagues, fixtures; which files, and what a row means."""
