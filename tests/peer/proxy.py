"""A TCP proxy that a test makes bad: cut, stall, delay, slow. It runs in a thread of its own."""
from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Callable, Optional, Type

BLOCK = 32 * 1024
BUFFER = 128 * 1024  # of each socket, so that little is on its way


@dataclass
class Faults:
    """What is wrong with the network at this moment."""

    rate: Optional[float] = None  # bytes a second towards the server, over all connections
    delay: float = 0.0  # seconds that a byte travels longer, each way
    stalled: bool = False  # connections stay open, nothing moves
    refusing: bool = False  # new connections are reset
    cut_after: Optional[int] = None  # cut once this many bytes more went to the server


@dataclass
class Counters:
    connections: int = 0
    cuts: int = 0
    up: int = 0  # bytes handed on to the server
    down: int = 0


class Pipe:
    """The two sockets of one connection."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writers = [writer]

    def reset(self) -> None:
        """RST on both sides: what is under way is lost."""
        for writer in self.writers:
            connection = writer.get_extra_info("socket")
            if connection is not None and connection.fileno() >= 0:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


class Proxy:
    """Listens on `port` of 127.0.0.1 and forwards to `target`."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.faults = Faults()
        self.counters = Counters()
        self.port = 0
        self._pipes: set[Pipe] = set()
        self._next_send = 0.0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the proxy did not start")

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], value: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()

    @property
    def endpoint(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Resets every connection; new ones are welcome."""
        self._call(self._cut)

    def slow(self, rate: Optional[float]) -> None:
        self.faults.rate = rate

    def stall(self) -> None:
        self.faults.stalled = True

    def resume(self) -> None:
        self.faults.stalled = False

    def close(self) -> None:
        self._call(self._cut)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _call(self, function: Callable[[], None]) -> None:
        async def run() -> None:
            function()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    def _cut(self) -> None:
        self.counters.cuts += 1
        for pipe in list(self._pipes):
            pipe.reset()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        self.port = listener.getsockname()[1]
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, sock=listener, limit=BLOCK))
        self._ready.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pipe = Pipe(writer)
        if self.faults.refusing:
            pipe.reset()
            return
        try:
            remote_reader, remote_writer = await asyncio.open_connection(*self.target, limit=BLOCK)
        except OSError:
            pipe.reset()
            return
        pipe.writers.append(remote_writer)
        self.counters.connections += 1
        self._pipes.add(pipe)
        try:
            await asyncio.gather(self._pump(reader, remote_writer, up=True), self._pump(remote_reader, writer, up=False))
        finally:
            self._pipes.discard(pipe)
            for each in pipe.writers:
                each.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, up: bool) -> None:
        """One direction: a reader that stamps each block with its time of delivery, and a sender."""
        blocks: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=64)
        sender = asyncio.ensure_future(self._send(blocks, writer, up))
        try:
            while data := await reader.read(BLOCK):
                await blocks.put((time.monotonic() + self.faults.delay, data))
        except OSError:
            pass
        await blocks.put((0.0, b""))
        await sender

    async def _send(self, blocks: "asyncio.Queue[tuple[float, bytes]]", writer: asyncio.StreamWriter, up: bool) -> None:
        while True:
            due, data = await blocks.get()
            if not data:
                break
            if not writer.is_closing():
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                await self._wait_for_the_network(len(data) if up else 0)
            if writer.is_closing():
                continue  # the other side is gone; the reader ends this pump
            try:
                writer.write(data)
                await writer.drain()
            except OSError:
                continue
            self._count(len(data), up)
        if not writer.is_closing() and writer.can_write_eof():
            try:
                writer.write_eof()
            except OSError:
                pass

    async def _wait_for_the_network(self, bytes_up: int) -> None:
        while self.faults.stalled:
            await asyncio.sleep(0.01)
        if self.faults.rate is not None and bytes_up:
            now = time.monotonic()
            self._next_send = max(now, self._next_send) + bytes_up / self.faults.rate
            await asyncio.sleep(self._next_send - now)

    def _count(self, size: int, up: bool) -> None:
        if not up:
            self.counters.down += size
            return
        self.counters.up += size
        if self.faults.cut_after is not None:
            self.faults.cut_after -= size
            if self.faults.cut_after <= 0:
                self.faults.cut_after = None
                self._cut()
