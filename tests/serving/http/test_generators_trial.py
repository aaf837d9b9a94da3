"""Clients by generators of other languages' tools: openapi-generator (Java) and openapi-typescript (Node).

They are installed into the test's folder from PyPI and npm; Java and Node must be on the machine.
"""

import importlib
import inspect
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from tests.serving.builders import TOKENS, make_prediction, make_release, real_model, write_keys, write_status
from tests.serving.generated import BODIES, PATHS
from tests.serving.processes import ready_release, sidecar, wait_until

pytestmark = pytest.mark.trial

OPENAPI_GENERATOR = "openapi-generator-cli==7.26.0"
OPENAPI_TYPESCRIPT = ("openapi-typescript@7.13.0", "openapi-fetch@0.15.0", "typescript@5.9.3")
# What the tool says of every document of this version of OpenAPI, and of the word `from` in Python.
OWN_WORDS = ("OpenAPI 3.1 support is still in beta", "Renamed to ModelFrom", "Failed to get the schema name")
SCRIPT = """
import createClient from "openapi-fetch";
import type { paths } from "./client.js";
const client = createClient<paths>({ baseUrl: process.argv[2], headers: { "X-API-Key": process.argv[3] } });
async function main() {
  const one = await client.GET("/predict/{match_id}", { params: { path: { match_id: "m1" } } });
  const share: number = one.data!.p_home;
  const all = await client.GET("/predict/matches", { params: { query: { limit: 1 } } });
  const name: string = all.data!.items[0].home_team.name;
  const scored = await client.POST("/predict", { body: PAIRING });
  console.log(JSON.stringify([share, name, one.response.status, scored.response.status]));
}
main();
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """A sidecar on a release with one match."""
    home = tmp_path_factory.mktemp("generators")
    model, golden_rows = real_model(trees=True)
    make_release(home / "store", [make_prediction("m1")], model=model, golden_rows=golden_rows)
    write_status(home / "store")
    write_keys(home / "store")
    with sidecar(home, rate_limit_per_minute="0") as (one, _):
        wait_until(lambda: ready_release(one) == "r1")
        yield one


def run(*command: str, cwd, **options) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_openapi_generator_makes_a_python_client_that_makes_every_call(address, tmp_path):
    assert shutil.which("java"), "install Java (Debian: apt install default-jre-headless)"
    (tmp_path / "openapi.json").write_bytes(httpx.get(f"{address}/schema/openapi.json").content)
    run(sys.executable, "-m", "venv", "tool", cwd=tmp_path)
    run("tool/bin/pip", "install", "-q", OPENAPI_GENERATOR, cwd=tmp_path)
    said = run(
        *("tool/bin/openapi-generator-cli", "generate", "-i", "openapi.json", "-g", "python", "-o", "made"),
        cwd=tmp_path,
    )
    warnings = [line for line in said.splitlines() if " WARN " in line or " ERROR " in line]
    assert [line for line in warnings if not any(words in line for words in OWN_WORDS)] == []

    sys.path.insert(0, str(tmp_path / "made"))
    try:
        package = importlib.import_module("openapi_client")
    finally:
        sys.path.remove(str(tmp_path / "made"))
    configuration = package.Configuration(host=address, api_key={"apiKey": TOKENS["admin"]})
    statuses = {}
    with package.ApiClient(configuration) as client:
        for kind in (name for name in dir(package) if name.endswith("Api")):
            api = getattr(package, kind)(client)
            for name in dir(api):
                if not name.endswith("_with_http_info"):
                    continue
                call = getattr(api, name)
                try:
                    answer = call(**arguments(package, call, name.removesuffix("_with_http_info")))
                    statuses[name] = answer.status_code
                except package.ApiException as error:
                    statuses[name] = error.status
    document = httpx.get(f"{address}/schema/openapi.json").json()
    assert len(statuses) == sum(len(item) for item in document["paths"].values())
    assert {name: status for name, status in statuses.items() if status not in {200, 202, 404, 503}} == {}


def arguments(package, call, name):
    """What an operation is asked; bodies by the union that the tool makes of a choice."""
    found = {}
    for parameter in inspect.signature(call).parameters.values():
        if parameter.default is not inspect.Parameter.empty or parameter.name.startswith("_"):
            continue
        if parameter.name in PATHS:
            found[parameter.name] = PATHS[parameter.name]
        elif name in BODIES:
            _, value = BODIES[name]
            kind = getattr(parameter.annotation, "__origin__", parameter.annotation)
            found[parameter.name] = kind.from_json(json.dumps(value))
    return found


def test_openapi_typescript_makes_types_that_check_and_answer(address, tmp_path):
    assert shutil.which("npm"), "install Node (Debian: apt install nodejs npm)"
    (tmp_path / "openapi.json").write_bytes(httpx.get(f"{address}/schema/openapi.json").content)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    run("npm", "install", "--silent", *OPENAPI_TYPESCRIPT, "@types/node@20", cwd=tmp_path)
    said = run("node_modules/.bin/openapi-typescript", "openapi.json", "-o", "client.d.ts", cwd=tmp_path)
    assert "arning" not in said
    _, pairing = BODIES["score"]
    (tmp_path / "use.ts").write_text(SCRIPT.replace("PAIRING", json.dumps(pairing)))
    options = ("--strict", "--module", "nodenext", "--target", "es2022", "--skipLibCheck")
    run("node_modules/.bin/tsc", *options, "use.ts", cwd=tmp_path)
    share, name, read, scored = json.loads(run("node", "use.js", address, TOKENS["admin"], cwd=tmp_path))
    assert (share, name, read) == (0.5, "Leeds", 200)
    assert scored in {200, 503}
