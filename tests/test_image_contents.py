"""What the images hold, as `make sbom` writes it, without an engine."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

_SCRIPTS = Path(__file__).parents[1] / "deploy" / "containers"
_LEFT_OUT = (
    "numpy/tests/test_sum.py",
    "numpy/include/arrays.h",
    "pages/chunk.js.map",
    "faker/providers/person/fi_FI/__init__.py",
    "botocore/data/ec2/service-2.json.gz",
    "pyarrow/libarrow_flight.so",
)
_KEPT = (
    "numpy/tests.py",
    "numpy/sum.py",
    "pages/chunk.js",
    "faker/providers/person/__init__.py",
    "faker/providers/bank/en_GB/__init__.py",
    "botocore/data/endpoints.json",
    "botocore/data/s3/service-2.json.gz",
    "pyarrow/libarrow.so",
)
_DEBIAN = ["libc6:amd64\t2.41-12\tamd64", "tzdata\t2026a-0+deb13u1\tall", "trixie"]


def script(name: str) -> Any:
    """A script of the images, which stand outside every package."""
    spec = importlib.util.spec_from_file_location(name, _SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def test_what_no_program_reads_is_left_out_and_nothing_beside_it(tmp_path: Path):
    """Tests, sources, maps, other languages, other services and pyarrow's RPC."""
    packages = tmp_path / "site-packages"
    for name in (*_LEFT_OUT, *_KEPT):
        (packages / name).parent.mkdir(parents=True, exist_ok=True)
        (packages / name).touch()

    script("slim").leave_out(packages)

    found = {str(path.relative_to(packages)) for path in packages.rglob("*") if path.is_file()}
    assert found == set(_KEPT)


def test_the_document_of_an_image_is_valid_and_names_every_package():
    """Each package of Python and of Debian stands in it with its version, and the image with its hash."""
    sbom = script("sbom")
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
