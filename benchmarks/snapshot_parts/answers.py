"""Answers: the sidecar on a home's release, asked a fixed list of questions over HTTP."""

import contextlib
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmarks.snapshot_parts.home_files import manifests, rows_of
from benchmarks.snapshot_parts.homes import free_port, server, wait_until
from benchmarks.snapshot_parts.masking import Mask

_DRAWN_HEADERS = frozenset({"date", "x-request-id", "etag", "content-length"})
_NO_SUCH_KEY = "soccer_" + "0" * 43
_MOST_ROWS = 1_000
_NOT_NOW = 503


class Asker:
    """Asks the sidecar, and keeps what it answered.

    Args:
        client: of `httpx`.
        keys: tokens by the name of their scope.
        mask: what answers are kept through.
    """

    def __init__(self, client: Any, keys: Mapping[str, str], mask: Mask) -> None:
        self._client = client
        self._keys = keys
        self.mask = mask
        self.kept_answers: dict[str, Any] = {}

    def __call__(
        self, path: str, key: str = "read", *, note: str = "", is_shape: bool = False, **more: Any
    ) -> Any:
        """Ask, keep the answer (only names and types of a shape), and return it as it came."""
        method = more.pop("method", "GET")
        answer = self.quietly(path, key, method=method, **more)
        name = " ".join(filter(None, (method, path, f"({key} key)", note)))
        body, coding = answer.text, answer.headers.get("content-encoding")
        if is_shape:
            kept = _shape(answer.json())
        elif coding:  # packed ids are drawn too
            kept = f"<{coding}>"
        elif answer.headers.get("content-type", "").startswith(("application/", "text/plain")):
            kept = self.mask(body, f"bodies {name}")
        else:  # a page for people
            self.mask.texts[f"bodies {name}"], kept = self.mask.ids(body), "<text>"
        headers = {
            header: self._header(header, value)
            for header, value in sorted(answer.headers.items())
            if header != "connection"  # whether a body was read before the answer is a race
        }
        self.kept_answers[name] = {"status": answer.status_code, "headers": headers, "body": kept}
        return answer

    def _header(self, name: str, value: str) -> str:
        if name in _DRAWN_HEADERS or name.startswith("ratelimit"):
            return "<drawn>"
        return ", ".join(sorted(value.split(", "))) if name == "allow" else self.mask.ids(value)

    def quietly(self, path: str, key: str, *, method: str = "GET", **more: Any) -> Any:
        """Ask, and keep nothing."""
        headers = {"accept-encoding": "identity"} | more.pop("headers", {})
        if self._keys[key]:
            headers["X-API-Key"] = self._keys[key]
        return self._client.request(method, path, headers=headers, **more)

    def events(self, count: int) -> None:
        """Follow the events from the first on, until as many came."""
        headers = {"X-API-Key": self._keys["read"], "Last-Event-ID": "0-0"}
        lines: list[str] = []
        with self._client.stream("GET", "/events/", headers=headers) as answer:
            for line in answer.iter_lines():
                lines.append(re.sub(r"^id: .*", "id: <drawn>", line))
                if sum(one.startswith("data:") for one in lines) == count:
                    break
        self.kept_answers["GET /events/ from the first on"] = self.mask("\n".join(lines), "bodies events")


@contextlib.contextmanager
def sidecar(env: Mapping[str, str], mask: Mask) -> Iterator[Asker]:
    """The sidecar and its task worker on a home, ready, with a key for each scope."""
    import httpx

    home, port = Path(env["SOCCER_HOME"]), free_port()
    # Nobody answers there: what is launched in Dagster is refused alike.
    env = {**env, "SOCCER_DAGSTER_URL": "http://127.0.0.1:9"}
    keys = {"no": "", "wrong": _NO_SUCH_KEY} | {
        scope: _new_key(env, scope) for scope in ("read", "predict", "admin")
    }
    command = ["-m", "soccer_assets.cli", "serve", "--release", str(home / "store"), "--port", str(port)]
    log = home / "sidecar.log"
    mask.know(f"http://127.0.0.1:{port}", "<sidecar>")
    with (
        server([sys.executable, *command], log, env),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):

        def is_ready() -> bool:
            with contextlib.suppress(httpx.TransportError):
                return bool(client.get("/ready").is_success)
            return False

        wait_until(is_ready, f"the sidecar does not start; its log is {log}")
        yield Asker(client, keys, mask)


def _new_key(env: Mapping[str, str], scope: str) -> str:
    command = [sys.executable, "-m", "soccer_assets.cli", "keys", "create", "--scope", scope]
    done = subprocess.run(
        command, env=env, cwd=env["SOCCER_HOME"], check=True, capture_output=True, text=True
    )
    return done.stdout.split()[-1]


def _shape(value: Any) -> Any:
    """Names and types of a body whose numbers are of this process."""
    if isinstance(value, dict):
        return {key: _shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_shape(one) for one in value[:1]]
    return type(value).__name__


def ask_everything(ask: Asker, home: Path) -> None:
    """The fixed list of questions, about matches of the current release."""
    manifest = manifests(home)[-1]
    items = ask("/predict/matches/?limit=500").json()["items"]
    _ask_operations(ask)
    _ask_predictions(ask, home, manifest, items)
    _ask_pages(ask, items)
    _ask_scores(ask, manifest, items)
    _ask_tasks(ask, manifest, items)
    _ask_sources(ask)


def _ask_operations(ask: Asker) -> None:
    for path in ("/", "/healthcheck/", "/ready", "/schema", "/no/such/path"):
        ask(path, "no")
    ask("/ready", "no", method="DELETE")
    for path in ("freshness", "drift", "quality"):
        ask(f"/monitoring/{path}")
    for key in ("no", "wrong", "read", "admin"):
        ask("/monitoring/queues", key)
    ask("/events/", headers={"Last-Event-ID": "nonsense"}, note="from nonsense on")


def _ask_predictions(
    ask: Asker, home: Path, manifest: Mapping[str, Any], items: Sequence[Mapping[str, Any]]
) -> None:
    first, last = items[0]["match_id"], items[-1]["match_id"]
    every = ask("/predict/predictions/?limit=5000").json()["items"]
    played = [one["match_id"] for one in every if one["result"] is not None]
    with rows_of(home / "store" / "releases" / manifest["release_id"] / "predictions.sqlite") as rows:
        ((source_id,),) = rows("SELECT source_match_id FROM prediction ORDER BY match_id, model LIMIT 1")
    for key in ("no", "wrong", "predict", "admin"):
        ask(f"/predict/{first}", key)
    tag = ask(f"/predict/{first}").headers["etag"]
    ask(f"/predict/{first}", headers={"If-None-Match": tag}, note="with its tag")
    ask(f"/predict/{first}", method="POST")
    ask(f"/predict/{first}?stage=champion")
    for match_id in (last, *played[:3], quote(source_id, safe=""), "unknown"):
        ask(f"/predict/{match_id}")
        ask(f"/predict/precomputed/{match_id}")
    for model in ("champion", "previous", "candidate", "nonsense"):
        ask(f"/predict/{first}?model={model}")
        ask(f"/predict/model/info?model={model}")


def _ask_pages(ask: Asker, items: Sequence[Mapping[str, Any]]) -> None:
    first = items[0]
    day, team, competition = first["kickoff"][:10], first["home_team"], first["competition"]
    page = ask(f"/predict/matches/?competition={competition}&limit=3").json()
    ask(f"/predict/matches/?competition={competition}&limit=3&cursor={page['next_cursor']}")
    for query in (
        *(f"from={day}&to={day}&tz=Europe/London", f"team={team['id']}", f"team={team['name']}", "limit=0"),
        *("tz=No/Where", "cursor=nonsense", f"from={day}&to=2025-01-01", "competition=NO-1"),
    ):
        ask(f"/predict/matches/?{query}")
    for query in ("future_only=true", "limit=3&offset=5", "limit=5001", "offset=-1"):
        ask(f"/predict/predictions/?{query}")
    ask("/predict/predictions/?limit=5", headers={"Accept": "application/x-ndjson"}, note="as lines")
    for coding in ("gzip", "zstd"):
        ask("/predict/predictions/?limit=20", headers={"accept-encoding": coding}, note=coding)
    for query in (
        *("limit=20", f"from={day}&to={day}", "year=2025&month=4&status=finished&limit=5", "year=2025"),
        *("year=2025&month=13", f"competition={competition}&limit=2", "status=nonsense", "cursor=nonsense"),
        "limit=5000",
    ):
        ask(f"/livescores/?{query}")


def _pairing(one: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    named = {"home_team": one["home_team"]["name"], "away_team": one["away_team"]["id"]}
    return named | {"kickoff": one["kickoff"], "competition": one["competition"]} | more


def _features(manifest: Mapping[str, Any]) -> dict[str, Any]:
    values = manifest["golden_rows"][0]["features"]
    return {"match_id": "my-1", "features": dict(zip(manifest["feature_names"], values, strict=True))}


def _ask_scores(ask: Asker, manifest: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> None:
    one, features = _pairing(items[0]), _features(manifest)

    def is_warm() -> bool:
        return bool(ask.quietly("/predict/", "predict", method="POST", json=one).status_code != _NOT_NOW)

    wait_until(is_warm, "nothing is scored")
    bodies: dict[str, Any] = {
        "of a pairing": one,
        "on neutral ground": _pairing(items[1], neutral=True, leg=2, kickoff=items[1]["kickoff"][:10]),
        "of features": features,
        "of several": [_pairing(items[2]), features, _pairing(items[3], competition="SIM-2")],
        "of unknown teams": _pairing(items[0], home_team="Nobody", away_team="Nobody Else"),
        "of a team against itself": _pairing(items[0], away_team=items[0]["home_team"]["id"]),
        "of a list with a fault": [one, {"home_team": "Nobody"}],
        "of other fields": one | {"colour": "red"},
        "of no day": _pairing(items[0], kickoff="tomorrow at noon"),
        "of too few features": features | {"features": {"tier": 1.0}},
        "of too many": [one] * (_MOST_ROWS + 1),
    }
    for note, body in bodies.items():
        ask("/predict/", "predict", method="POST", json=body, note=note)
    ask("/predict/", "predict", method="POST", content=b"{", note="of no JSON")
    ask("/predict/", "read", method="POST", json=one)


def _ask_tasks(ask: Asker, manifest: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> None:
    rows = [_pairing(items[0]), _features(manifest), {"home_team": "Nobody"}, _pairing(items[4])]
    named = {"method": "POST", "headers": {"Idempotency-Key": "1"}}
    sent = ask.quietly("/predict/async/", "predict", **named, json=rows).json()
    ask.mask.know(sent["task_id"], "<task>")
    ask("/predict/async/", "predict", **named, json=rows, note="a task again")
    ask("/predict/async/", "predict", **named, json=rows[:1], note="another body")
    ask("/predict/async/", "predict", method="POST", content=b"[", note="of no JSON")
    address = sent["status_url"]

    def is_done() -> bool:
        return ask.quietly(address, "predict").json()["status"] in {"success", "failed"}

    wait_until(is_done, "the task does not end")
    ended = ask.quietly(address, "predict")
    ask.kept_answers["the task's end"] = {
        "status": ended.status_code,
        "body": ask.mask(ended.text, "bodies task"),
    }
    ask("/monitoring/task_status/unknown", "predict")

    def is_heard() -> bool:
        return bool(ask.quietly("/monitoring/workers", "admin").json()["workers"])

    wait_until(is_heard, "no worker says that it lives")
    for path in ("queues", "celery/queues", "workers", "celery/workers"):
        ask(f"/monitoring/{path}", "admin", note="after a task", is_shape=True)


def _ask_sources(ask: Asker) -> None:
    for key in ("read", "admin"):
        ask("/sources/livescores/", key, method="PATCH", json={"days": 3})
        ask("/sources/export/match", key, method="POST")
    ask("/sources/export/match_raw", "admin")
    ask("/sources/export/nothing", "admin", method="POST")
    for note, window in (
        ("of no day", {"start": "2025-04-02", "end": "2025-04-01"}),
        ("of other fields", {"colour": "red"}),
    ):
        ask("/sources/livescores/", "admin", method="PATCH", json=window, note=note)
