"""Write what an image holds, its packages of Python and of Debian, as a CycloneDX document: `make sbom`.

    python deploy/containers/sbom.py FOLDER IMAGE...

One file an image: `pipeline.cdx.json` of `soccer-assets/pipeline:0.1.0`. The image itself is asked, without a
network, so that the document is of what was built and not of what a lock file asked for.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.utils import canonicalize_name

# Its packages, and as the last line the code name of the release.
_DEBIAN = (
    "dpkg-query --show --showformat '${binary:Package}\\t${Version}\\t${Architecture}\\n'"
    " && . /etc/os-release && echo $VERSION_CODENAME"
)


def document(image: str, digest: str, python: Iterable[dict[str, Any]], debian: Iterable[str]) -> str:
    """The document of an image, as JSON.

    Args:
        image: its name, with a version.
        digest: SHA-256 of its configuration, which is its id.
        python: the packages that `pip inspect` lists.
        debian: lines of package, version and architecture, and at the end the code name of the release.
    """
    name, _, version = image.partition(":")
    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=digest.removeprefix("sha256:"))]
    root = Component(type=ComponentType.CONTAINER, name=name, version=version, bom_ref=image, hashes=hashes)
    bom = Bom(components=[*_of_python(python), *_of_debian(list(debian))])
    bom.metadata.component = root
    bom.register_dependency(root, bom.components)
    return make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=1)


def _of_python(packages: Iterable[dict[str, Any]]) -> Iterator[Component]:
    factory = LicenseFactory()
    for package in packages:
        about = package["metadata"]
        name, version = canonicalize_name(about["name"]), about["version"]
        licence = about.get("license_expression") or about.get("license") or ""
        url = PackageURL("pypi", None, name, version)
        yield Component(
            type=ComponentType.LIBRARY,
            name=name,
            version=version,
            purl=url,
            bom_ref=str(url),
            description=about.get("summary"),
            # Some packages give the whole text of a licence instead of its name.
            licenses=[factory.make_from_string(licence)] if licence and "\n" not in licence else [],
        )


def _of_debian(lines: list[str]) -> Iterator[Component]:
    *packages, release = lines
    for line in packages:
        name, version, architecture = line.split("\t")
        where = {"arch": architecture, "distro": release}
        url = PackageURL("deb", "debian", name.partition(":")[0], version, where)
        yield Component(
            type=ComponentType.LIBRARY,
            name=name.partition(":")[0],
            version=version,
            purl=url,
            bom_ref=str(url),
        )


def _docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout


def main(folder: Path, images: list[str]) -> None:
    """Ask each image and write its document."""
    folder.mkdir(parents=True, exist_ok=True)
    for image in images:
        inside = ["run", "--rm", "--network", "none", "--user", "0", image]
        python = json.loads(_docker(*inside, "python", "-m", "pip", "inspect", "--local"))["installed"]
        debian = _docker(*inside, "sh", "-c", _DEBIAN).splitlines()
        digest = _docker("image", "inspect", "--format", "{{.Id}}", image).strip()
        target = folder / f"{image.partition(':')[0].rpartition('/')[2]}.cdx.json"
        target.write_text(document(image, digest, python, debian))
        print(f"{target}: {len(python)} packages of Python, {len(debian) - 1} of Debian")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
