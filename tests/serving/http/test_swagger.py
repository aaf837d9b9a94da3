"""The documentation's page."""

import re


def test_documentation_needs_no_internet(client):
    """The page brings its scripts and styles itself, and its policy lets nothing else in."""
    page = client.get("/schema")
    policy = page.headers["content-security-policy"]
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)

    assert "default-src 'none'; script-src 'self';" in policy
    assert "http" not in page.text + policy
    assert re.findall(r"<script>|style=| on\w+=", page.text) == []
    assert len(named) == 4
    assert {client.get(path).status_code for path in named} == {200}
    assert '"../openapi.json"' in client.get(named[-1]).text
    assert client.get("/schema/assets/app.py").status_code == 404
    assert client.get("/schema/assets/%2e%2e/app.py").status_code == 404
