"""Duration of a backfill of every month, launched by the mutation that Dagster's page sends.

Usage: ``python -m benchmarks.backfill ARCHIVE [--months N]``. Creates a home on the feed `archive`, starts
code server, webserver and daemon, launches `livescores/history` over all months (or the newest N), and waits
until the backfill is done.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from tests.live import LiveHome

_LONGEST_SECONDS = 3_600.0


def main() -> None:
    """Measure, and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--months", type=int, default=0)
    parser.add_argument("--now", default="2025-06-30T23:00:00Z", help="where the clock stands")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = LiveHome(
            Path(folder) / "home",
            SOCCER_FEED="archive",
            SOCCER_FEED_URL=asked.archive.absolute().as_uri(),
            SOCCER_NOW=asked.now,
        )
        with home.code(), home.webserver(), home.daemon():
            months = home.months()[-asked.months :]
            begin = time.perf_counter()
            backfill = home.launch_backfill(months)
            while (status := home.backfill_status(backfill)) in {"REQUESTED", "CANCELING"}:
                print(f"{time.perf_counter() - begin:5.0f} s  {home.runs_of(backfill)}", flush=True)
                time.sleep(10)
                if time.perf_counter() - begin > _LONGEST_SECONDS:
                    break
            seconds = time.perf_counter() - begin
            runs = home.runs_of(backfill)
            print(
                json.dumps(
                    {"months": len(months), "runs": len(runs), "status": status, "seconds": round(seconds, 1)}
                )
            )


if __name__ == "__main__":
    main()
