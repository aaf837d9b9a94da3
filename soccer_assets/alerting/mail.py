"""Alerts by mail: plain text and a small HTML page of the same words, sent by SMTP as the address says.

Apprise sends one of both and makes the other of it; here each is written. Nothing that a provider or an
exception says can add a tag or a header: HTML is escaped, and a header is one line.
"""

import datetime as dt
import hashlib
import smtplib
from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from html import escape
from typing import Any

from soccer_assets.alerting.alert import UNSUBSCRIBE, Alert
from soccer_assets.alerting.rendering import LISTED, facts

# 7 bit, so that every server takes it. Long lines, below the 998 characters of RFC 5322: a header that is
# folded within an address is written as encoded words, which no mail program reads in `List-Unsubscribe`.
_POLICY = SMTP.clone(cte_type="7bit", max_line_length=900)
_COLOURS = {"failure": "#b3261e", "warning": "#9a5b00", "notice": "#1f5fa8"}
_RESOLVED = "#1b7f3b"
_BUTTONS = {UNSUBSCRIBE: "Unsubscribe"}
_FONT = (
    "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:14px;line-height:1.5"
)


def send_mail(receiver: Any, title: str, body: str, alerts: Sequence[Alert], message_id: str) -> str:
    """Send one message to the addressees of a ``NotifyEmail``; returns the error, empty on success."""
    from apprise.plugins.email.smtp import AppriseSMTPController  # noqa: PLC0415 - 0.3 s that only alerts pay

    try:
        with AppriseSMTPController(
            host=receiver.smtp_host,
            port=receiver.port,
            secure_mode=receiver.secure_mode,
            user=receiver.user,
            password=receiver.password,
            verify_certificate=receiver.verify_certificate,
        ) as server:
            refused = [
                address
                for name, address in receiver.targets
                if not server.sendmail(
                    receiver.from_addr[1],
                    [address, *receiver.cc, *receiver.bcc],
                    mail_of(receiver, (name, address), title, body, alerts, message_id),
                )
            ]
    except (OSError, smtplib.SMTPException) as error:
        return f"{type(error).__name__}: {error}"
    return f"the mail server refused {len(refused)} of {len(receiver.targets)} addressees" if refused else ""


def mail_of(
    receiver: Any,
    addressee: tuple[Any, str],
    title: str,
    body: str,
    alerts: Sequence[Alert],
    message_id: str,
) -> str:
    """The mail for one addressee, in 7-bit characters."""
    mail = EmailMessage(policy=_POLICY)
    domain = receiver.from_addr[1].rpartition("@")[2]
    digest = hashlib.sha256(f"{message_id} {addressee[1]}".encode()).hexdigest()[:32]
    headers = {
        "Subject": title,
        "From": formataddr(receiver.from_addr),
        "To": formataddr(addressee),
        "Cc": ", ".join(formataddr((receiver.names.get(each, False), each)) for each in sorted(receiver.cc)),
        "Reply-To": ", ".join(sorted(receiver.reply_to)),
        "Date": format_datetime(dt.datetime.now(dt.UTC)),
        # The same at every attempt: mail servers and programs show a repeated message once.
        "Message-ID": f"<{digest}@{domain}>",
        "Auto-Submitted": "auto-generated",  # RFC 3834: an absence assistant does not answer it
        **receiver.headers,
    }
    for name, value in headers.items():
        if value:
            mail[name] = " ".join(value.split())
    mail.set_content(body)
    mail.add_alternative(html_of(title, body, alerts), subtype="html")
    return mail.as_string()


def html_of(title: str, body: str, alerts: Sequence[Alert]) -> str:
    """The page of a message: heading, one table for each alert, and a button for each of its pages."""
    heading = escape(title.removeprefix("[soccer] "))
    colour = _colour(alerts[0]) if alerts else _COLOURS["notice"]
    if alerts:
        parts = [_table(alert) for alert in alerts[:LISTED]]
        if len(alerts) > LISTED:
            parts.append(f"<p>and {len(alerts) - LISTED} more</p>")
        # What stands below the alerts in the text: where they were seen, and the message's id.
        _, host, rest = body.rpartition("\nHost:")
        foot = f"{host.strip()}{rest}" if host else body.rpartition("\n\n")[2]
        parts.append(f'<p style="color:#666;font-size:12px;white-space:pre-line">{escape(foot)}</p>')
    else:
        parts = [f'<pre style="white-space:pre-wrap">{escape(body)}</pre>']
    return (
        '<!doctype html><html><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"></head>'
        f'<body style="margin:0;padding:16px;background:#fff;color:#222;{_FONT}">'
        '<div style="max-width:640px">'
        f'<h1 style="font-size:18px;border-left:4px solid {colour};padding-left:10px;'
        f'overflow-wrap:anywhere">{heading}</h1>{"".join(parts)}</div></body></html>'
    )


def _table(alert: Alert) -> str:
    rows = "".join(
        f'<tr><th style="text-align:left;vertical-align:top;color:#666;font-weight:normal;'
        f'padding:3px 14px 3px 0">{escape(label)}</th>'
        f'<td style="padding:3px 0;overflow-wrap:anywhere">{escape(value)}</td></tr>'
        for label, value in facts(alert)
    )
    buttons = "".join(
        f'<a href="{escape(link.href)}" style="display:inline-block;margin:4px 8px 4px 0;padding:7px 14px;'
        f'background:{_colour(alert)};color:#fff;text-decoration:none;border-radius:4px">'
        f"{_BUTTONS.get(link.name) or f'Open the {escape(link.name)}'}</a>"
        for link in alert.links
    )
    return f'<table style="border-collapse:collapse;margin:8px 0">{rows}</table><p>{buttons}</p>'


def _colour(alert: Alert) -> str:
    return _RESOLVED if alert.resolved_at else _COLOURS[alert.severity]
