"""The base of this package's exceptions."""


class AlertingError(Exception):
    """Alerts cannot be sent or watched for; the message says what to do."""
