"""The README says what there is: settings, jobs, groups, commands, paths, pictures and links, no more and no less."""

import re
import tomllib
from pathlib import Path

from serving.app import create_app
from soccer_assets.cli import main
