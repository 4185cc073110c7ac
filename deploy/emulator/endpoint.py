"""The address of an Elastic Beanstalk environment, which stays the same when its instance is replaced."""

import asyncio
import contextlib

from ministack import app

from instance import Instance


class Endpoint:
    """Forwards connections to the current instance, and closes them while the environment has none."""

    def __init__(self):
        self.instance: Instance | None = None
        self.port = asyncio.run_coroutine_threadsafe(self._open(), app._MAIN_LOOP).result()

    async def _open(self) -> int:
        self.server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        return self.server.sockets[0].getsockname()[1]

    async def _forward(self, reader, writer) -> None:
        with contextlib.suppress(OSError):
            if self.instance:
                instance = await asyncio.open_connection("127.0.0.1", self.instance.port)
                await asyncio.gather(self._pump(reader, instance[1]), self._pump(instance[0], writer))
        writer.close()

    async def _pump(self, reader, writer) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(65536):
                writer.write(chunk)
                await writer.drain()
        writer.close()

    def close(self) -> None:
        app._MAIN_LOOP.call_soon_threadsafe(self.server.close)
