"""`python -m soccer_assets.cli` runs `soccer`."""

from soccer_assets.cli import main

if __name__ == "__main__":
    main()
