"""Duration of `soccer replay` for a season of the five big leagues.

Usage: ``python -m benchmarks.replay URL [--from DAY] [--to DAY]``, where URL is football-data.co.uk or a
copy of it. Runs the command in a fresh process and prints one line of JSON: seconds, trainings, matches, and
the log loss of champion, textbook Elo and market.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from soccer_assets.backtesting.report import Report

LEAGUES = ("ENG-1", "GER-1", "ITA-1", "ESP-1", "FRA-1")


def main() -> None:
    """Measure, and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--from", dest="first", default="2024-08-10")
    parser.add_argument("--to", dest="last", default="2025-05-31")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report_file = Path(folder) / "report.json"
        options = [part for league in LEAGUES for part in ("--competition", league)]
        options += ["--from", asked.first, "--to", asked.last]
        options += ["--json", str(report_file), "--plot", str(Path(folder) / "replay.png")]
        env = os.environ | {"SOCCER_FEED": "football-data", "SOCCER_FEED_URL": asked.url}
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-m", "soccer_assets.cli", "replay", *options], env=env, check=True)
        seconds = time.perf_counter() - begin
        report = msgspec.json.decode(report_file.read_bytes(), type=Report)
    total = report.total
    print(
        json.dumps(
            {
                "seconds": round(seconds),
                "trainings": total.retrains,
                "promotions": total.promotions,
                "rollbacks": total.rollbacks,
                "matches": total.scored,
                "coverage": report.ledger.coverage,
                "log_loss": total.log_loss,
                "log_loss_e0": total.log_loss_e0,
                "log_loss_market": total.log_loss_market,
                "ledger_hash": report.ledger.hash,
            }
        )
    )


if __name__ == "__main__":
    main()
