"""What a request may ask: known parameters, once each, by the names that clients send."""

import pytest

from tests.serving.builders import TOKENS
from tests.serving.test_surface import SURFACE

ADMIN = {"X-API-Key": TOKENS["admin"]}
LISTS = ("/predict/matches/", "/livescores/")


@pytest.mark.parametrize(("method", "path"), sorted({(method, path) for method, path, _ in SURFACE}))
def test_unknown_parameters_are_refused_everywhere(shared, method, path):
    """No route ignores what it does not know: it would answer another question than was asked."""
    path = path.replace("{table}", "match").replace("{match_id}", "m1").replace("{task_id}", "t")
    response = shared.request(method, f"{path}?kompetition=x", headers=ADMIN)

    assert response.status_code == 400
    assert "kompetition" in response.json()["detail"]
    assert [error["parameter"] for error in response.json()["errors"]] == ["kompetition"]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "query", ["competition=ENG-2&competition=ENG-1", "limit=1&limit=2", "limit=1&limit=1", "tz=UTC&t%7A=UTC"]
)
def test_repeated_parameters_are_refused(shared, path, query):
    """Which of two values counts would be a guess."""
    response = shared.get(f"{path}?{query}", headers=ADMIN)

    assert response.status_code == 400
    assert response.json()["errors"][0]["message"] == "sent more than once"


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(("name", "value"), [("from", "yesterday"), ("to", "2025-13-01"), ("limit", "x")])
def test_errors_name_parameters_as_clients_send_them(shared, path, name, value):
    """`from`, not the name in the code."""
    response = shared.get(path, params={name: value}, headers=ADMIN)

    assert response.status_code == 400
    assert [error["parameter"] for error in response.json()["errors"]] == [name]
    assert "_day" not in response.text


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "zone",
    [
        *("localtime", "posixrules", "Factory", "right/Europe/Madrid", "posix/UTC", "posix/", "right/\n"),
        *("", "Europe", "europe/madrid", "zone.tab", "../localtime", "/etc/localtime", "a\0b", "x" * 64),
    ],
)
def test_what_is_no_time_zone_of_everybody_is_refused(shared, path, zone):
    """Not the server's own zone either, nor the copies with leap seconds that some machines have."""
    for query in ({"tz": zone}, {"tz": zone, "from": "2025-04-25"}):
        response = shared.get(path, params=query, headers=ADMIN)

        assert response.status_code == 400, zone
        assert [error["parameter"] for error in response.json()["errors"]] == ["tz"]


@pytest.mark.parametrize(
    "zone", ["UTC", "Europe/Madrid", "Etc/GMT-14", "America/Argentina/Buenos_Aires", "EST5EDT"]
)
def test_time_zones_of_the_database_are_known(shared, zone):
    """By their names in IANA's database."""
    assert shared.get(LISTS[0], params={"tz": zone, "from": "2025-04-25"}, headers=ADMIN).status_code == 200


@pytest.mark.parametrize(
    "query", ["&".join(f"a{number}=1" for number in range(1000)), "%", "=", "&&&=&", "a" * 7000]
)
def test_queries_of_any_form_are_refused_and_no_fault(shared, query):
    """Thousands of parameters, none, and empty names."""
    assert shared.get(f"/predict/matches/?{query}", headers=ADMIN).status_code == 400


@pytest.mark.parametrize("address", ["/predict/" + "a" * 1100, "/nowhere/" + "/a" * 600, "/?" + "a" * 12_100])
def test_addresses_that_nobody_means_are_refused_before_they_are_read(shared, address):
    """Of the paths that were asked, the last thousand stay in memory: not those of 60 kB."""
    assert shared.get(address, headers=ADMIN).status_code == 414


@pytest.mark.parametrize("name", ["%00", "a" * 300, "..%2f..%2fapp.py", "a%0ab", "%ff"])
def test_files_that_cannot_be_are_unknown(shared, name):
    """No name of a file of the documentation is a fault of ours."""
    assert shared.get(f"/schema/assets/{name}").status_code == 404
