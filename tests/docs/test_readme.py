"""The first page: short, its commands exist, its requests are answered, its answers are the contract's."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from litestar.testing import TestClient

from serving.app import create_app
from serving.http.schemas import PredictionPage
from serving.scoring.schemas import Pairing
from soccer_assets.settings import Settings
from tests.docs.pages import PAGES, ROOT, code_blocks, read, section

MOST_LINES = 120
TUTORIAL = "docs/tutorial/ask-the-api.md"
TARGETS = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_it_is_one_page() -> None:
    """Two minutes of reading."""
    assert len(read("README.md").splitlines()) <= MOST_LINES


def test_first_commands_are_make_targets() -> None:
    """A newcomer's first commands exist."""
    (block,) = code_blocks(section("README.md", "Run it"), "sh")
    commands = re.findall(r"^make (\S+)", block, re.MULTILINE)

    assert commands == ["up", "test"]
    assert set(commands) <= set(TARGETS)


def _requests() -> list[str]:
    """Every address of the sidecar that a page asks."""
    text = "\n".join(page.read_text() for page in PAGES).replace("$API", "http://127.0.0.1:8000")
    return sorted(set(re.findall(r'http://127\.0\.0\.1:8000(/[^"\s)`|]*)', text)))


@pytest.fixture(scope="module")
def document(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, dict[str, dict[str, list[dict[str, str]]]]]:
    """The paths of the OpenAPI document, and those of the pages, which it does not hold."""
    home = tmp_path_factory.mktemp("home")
    with TestClient(create_app(Settings.from_env({"SOCCER_HOME": str(home)}))) as client:
        pages = client.app.state["page_paths"]
        paths: dict[str, dict[str, dict[str, list[dict[str, str]]]]] = client.get(
            "/schema/openapi.json"
        ).json()["paths"]
    return {page: {} for page in pages} | paths


@pytest.mark.parametrize("request_", _requests())
def test_requests_in_the_documents_are_the_sidecars(document, request_) -> None:
    """Path and parameters of each request that a page shows are those of the OpenAPI document."""
    parts = urlsplit(request_)
    path = parts.path.rstrip("/") or "/"
    if path.startswith("/schema") or path == "/mcp":  # in no document
        return
    shown = [of for of in document if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", of), path)]
    operations = document[path if path in shown else shown[0]]
    known = {
        parameter["name"]
        for operation in operations.values()
        for parameter in operation.get("parameters", [])
    }

    assert set(parse_qs(parts.query, keep_blank_values=True)) <= known


def test_the_answer_shown_is_one() -> None:
    """The tutorial's answer decodes into the documented struct, and its probabilities add up to 1."""
    answer = json.loads(code_blocks(section(TUTORIAL, "One upcoming match"), "console")[0].split("\n", 1)[1])
    (item,) = msgspec.convert(answer, PredictionPage, strict=True).items

    assert item.p_home + item.p_draw + item.p_away == pytest.approx(1.0)
    assert set(answer["items"][0]) == set(type(item).__struct_fields__)


def test_the_readmes_answer_is_the_tutorials() -> None:
    """The first page shortens the answer of the tutorial, and says nothing else."""
    (short,) = code_blocks(section("README.md", "Ask for a prediction"), "console")
    whole = code_blocks(section(TUTORIAL, "One upcoming match"), "console")[0].splitlines()

    assert [line for line in short.splitlines() if line.strip() != "..." and line not in whole] == []


def test_the_hypothetical_match_shown_is_one() -> None:
    """The body that the tutorial sends is a row that can be scored."""
    (body,) = re.findall(r"--json '(.+)'", section(TUTORIAL, "Score a hypothetical match"))

    msgspec.json.decode(body, type=Pairing, strict=True)
