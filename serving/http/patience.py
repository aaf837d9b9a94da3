"""Sends the parts of a stream to a client as long as it takes them.

A client that takes no part for a minute has lost its answer: neither a release nor a file is held for it.
"""

import asyncio

from litestar.types import Message, Send

STALLED_SECONDS = 60.0


class PatientSend:
    """The ASGI ``send`` of one answer.

    Attributes:
        is_stalled: the client took no part for `STALLED_SECONDS`; the answer has ended.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self.is_stalled = False

    async def __call__(self, message: Message) -> None:
        """Send a message; an answer in one piece is the server's to keep.

        Raises:
            TimeoutError: a part of a stream was not taken.
        """
        if not message.get("more_body"):
            await self._send(message)
            return
        try:
            async with asyncio.timeout(STALLED_SECONDS):
                await self._send(message)
        except TimeoutError:
            self.is_stalled = True
            raise
