"""Mails as a mail server gets them: text and HTML, and nothing that is quoted becomes a tag or a header."""

from email.message import Message
from html.parser import HTMLParser

import msgspec
import pytest

from soccer_assets.alerting.delivery import send
from soccer_assets.alerting.faults import NEW, RECOVERED, Condition, Notification
from soccer_assets.alerting.outbox import Delivery
from soccer_assets.alerting.rendering import render
from soccer_assets.alerting.subscribers import Subscriber
from tests.alerting.builders import NOW, ORIGIN, STALE, Mailbox, condition

HOSTILE = 'SV <script>alert(1)</script> & "Söhne"\r\nBcc: everyone@example.org\r\n\r\n<img src=x onerror=y>'


class Page(HTMLParser):
    """The tags, links and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the tag, and where a link leads."""
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name == "href" and value]

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        self.text += data


def sent(
    mailbox: tuple[Mailbox, str], *conditions: Condition, transition: str = NEW, to: str = "ops@example.org"
) -> Message:
    """The mail about the conditions, as the server got it."""
    box, address = mailbox
    notifications = [Notification(transition=transition, condition=each) for each in conditions]
    message = render(notifications, origin=ORIGIN, now=NOW)
    delivery = Delivery(
        delivery_id="A-1",
        subscriber="abc123",
        title=message.title,
        body=message.body,
        attempts=1,
        alerts=message.alerts,
    )
    assert send(Subscriber(id="abc123", url=address.replace("ops@example.org", to)), delivery, {}) == ""
    return box.mails[-1]


def parts(mail: Message) -> tuple[str, str]:
    """Its plain text and its HTML."""
    assert mail.get_content_type() == "multipart/alternative"
    found = mail.get_payload()
    assert isinstance(found, list)
    kinds = [part.get_content_type() for part in found]
    assert kinds == ["text/plain", "text/html"]
    text, page = (part.get_payload(decode=True).decode() for part in found)
    return text.replace("\r\n", "\n"), page


def test_a_mail_has_the_text_line_by_line_and_a_page_of_the_same_words(mailbox: tuple[Mailbox, str]) -> None:
    mail = sent(mailbox, STALE)
    text, page = parts(mail)
    assert "\nSince:    2026-11-24 08:07 UTC\nExpected: fails after 3 hours\n" in text
    assert "<" not in text
    shown = Page(page)
    assert shown.links == ["https://soccer.example.org/dagster/assets/releases/current"]
    for words in ("releases/current is stale (failure)", "fails after 3 hours", "web-1", "/srv/soccer"):
        assert words in text
        assert words in shown.text
    assert mail["X-Soccer-Alert-Id"] == "A-1"
    assert mail["Date"]


@pytest.mark.parametrize("field", ["cause", "what", "promise", "subject", "headline", "action"])
@pytest.mark.parametrize("others", [0, 1])
def test_what_is_quoted_adds_no_tag_and_no_header(
    mailbox: tuple[Mailbox, str], field: str, others: int
) -> None:
    plain = sent(mailbox, STALE)
    mail = sent(mailbox, msgspec.structs.replace(STALE, **{field: HOSTILE}), *[STALE] * others)
    assert set(mail.keys()) == set(plain.keys())
    assert mail["Bcc"] is None
    assert "\n" not in str(mail["Subject"]).replace("\n ", " ")
    _, page = parts(mail)
    shown = Page(page)
    assert shown.tags == Page(parts(plain)[1]).tags
    if field in {"cause", "headline", "action"}:
        assert "<script>alert(1)</script>" in shown.text


def test_a_mail_that_is_sent_again_has_the_same_message_id_and_everybody_his_own(
    mailbox: tuple[Mailbox, str],
) -> None:
    box, _ = mailbox
    for _ in range(2):
        sent(
            mailbox,
            STALE,
            transition=RECOVERED,
            to="ops@example.org,second@example.org&cc=third@example.org&name=Bj%C3%B6rn",
        )
    to = [str(mail["To"]) for mail in box.mails]
    assert sorted(to) == ["ops@example.org", "ops@example.org", "second@example.org", "second@example.org"]
    assert {str(mail["Cc"]) for mail in box.mails} == {"third@example.org"}
    assert len({str(mail["Message-ID"]) for mail in box.mails}) == 2
    assert "soccer@example.org" in str(box.mails[0]["From"])


def test_a_mail_of_a_hundred_faults_lists_twenty(mailbox: tuple[Mailbox, str]) -> None:
    text, page = parts(sent(mailbox, *[condition(f"features/{number}") for number in range(100)]))
    assert "- and 80 more" in text
    assert page.count("<table") == 20
    assert "and 80 more" in page


def test_a_mail_server_that_refuses_keeps_the_message() -> None:
    delivery = Delivery(delivery_id="A-1", subscriber="abc123", title="t", body="b", attempts=1)
    address = "mailto://127.0.0.1:1?from=soccer@example.org&to=ops@example.org&mode=insecure"
    assert "Connection refused" in send(Subscriber(id="abc123", url=address), delivery, {})
