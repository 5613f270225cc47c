"""Passes connections on to one service: the only way between the host's loopback and a network without a way out.

    python3 -I -S forward.py LISTEN HOST PORT

Whoever connects to the port LISTEN of this container is connected to PORT of HOST, whatever is sent: HTTP, web sockets.
Nothing that is sent chooses another place. While the service is away, connections are closed at once.
"""

import asyncio
import sys

BLOCK = 1 << 16


async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Write to `target` what `source` sends, then its end. Raises `OSError` where one of them is gone."""
    while block := await source.read(BLOCK):
        target.write(block)
        await target.drain()
    target.write_eof()


async def connect(from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter, host: str, port: int) -> None:
    """Join a client with the service until both have ended, or one of them is gone."""
    try:
        from_service, to_service = await asyncio.open_connection(host, port)
    except OSError:
        to_client.close()
        return
    ways = [
        asyncio.ensure_future(pass_on(from_client, to_service)),
        asyncio.ensure_future(pass_on(from_service, to_client)),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        to_service.close()
        to_client.close()


async def serve(listen: int, host: str, port: int) -> None:
    """Pass on every connection to the port `listen` until the program is ended."""
    server = await asyncio.start_server(lambda *client: connect(*client, host, port), "0.0.0.0", listen)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
