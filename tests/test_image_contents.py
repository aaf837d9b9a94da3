"""What the images hold, as `make sbom` writes it, without an engine."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

_SCRIPT = Path(__file__).parents[1] / "deploy" / "containers" / "sbom.py"
_DEBIAN = ["libc6:amd64\t2.41-12\tamd64", "tzdata\t2026a-0+deb13u1\tall", "trixie"]


def test_the_document_of_an_image_is_valid_and_names_every_package():
    """Each package of Python and of Debian stands in it with its version, and the image with its hash."""
    spec = importlib.util.spec_from_file_location("sbom", _SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    sbom = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sbom)
    inspected = subprocess.run(
        [sys.executable, "-m", "pip", "inspect", "--local"], check=True, capture_output=True, text=True
    )
    packages = json.loads(inspected.stdout)["installed"]

    text = sbom.document("soccer-assets/serving:0.1.0", f"sha256:{'a' * 64}", packages, _DEBIAN)

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    found = json.loads(text)
    addresses = {one["purl"] for one in found["components"]}
    assert found["metadata"]["component"]["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    assert len(addresses) == len(packages) + 2
    assert {
        "pkg:deb/debian/libc6@2.41-12?arch=amd64&distro=trixie",
        "pkg:pypi/cyclonedx-python-lib@11.12.0",
    } <= (addresses)
