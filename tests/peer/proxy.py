"""A TCP proxy that a test makes bad: cut, stall, delay, slow. It runs in a thread of its own."""
from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Callable, Optional, Type

BLOCK = 32 * 1024
BUFFER = 128 * 1024  # of each socket, so that little is on its way


@dataclass
class Faults:
    """What is wrong with the network at this moment, for all connections that share this object."""

    rate: Optional[float] = None  # bytes a second towards the server
    delay: float = 0.0  # seconds that a byte travels longer, each way
    stalled: bool = False  # connections stay open, nothing moves
    refusing: bool = False  # new connections are reset
    cut_after: Optional[int] = None  # cut once this many bytes more went to the server
    next_send: float = 0.0  # when the next byte may leave, for the rate


@dataclass
class Counters:
    accepted: int = 0
    connections: int = 0  # of these, handed on to the server
    cuts: int = 0
    up: int = 0  # bytes handed on to the server
    down: int = 0


class Pipe:
    """The two sockets of one connection, and what is wrong with it."""

    def __init__(self, writer: asyncio.StreamWriter, faults: Faults) -> None:
        self.writers = [writer]
        self.faults = faults

    def reset(self) -> None:
        """RST on both sides: what is under way is lost."""
        for writer in self.writers:
            connection = writer.get_extra_info("socket")
            if connection is not None and connection.fileno() >= 0:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


class Proxy:
    """Listens on `port` of 127.0.0.1 and forwards to `target`. All connections share `faults`, unless `faults_of`
    gives each its own by its number, from 0."""

    def __init__(self, target: tuple[str, int], faults_of: Optional[Callable[[int], Faults]] = None) -> None:
        self.target = target
        self.faults = Faults()
        self.counters = Counters()
        self.port = 0
        self._faults_of = faults_of
        self._pipes: set[Pipe] = set()
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

    def swallow(self) -> None:
        """A black hole: the connections of now stay open and move nothing any more, whatever `faults` says later."""
        self._call(self._swallow)

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

    def _swallow(self) -> None:
        for pipe in self._pipes:
            pipe.faults = replace(pipe.faults, stalled=True)

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
        pipe = Pipe(writer, self._faults_of(self.counters.accepted) if self._faults_of else self.faults)
        self.counters.accepted += 1
        if self.faults.refusing or pipe.faults.refusing:
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
        up, down = Pump(self, pipe, remote_writer, up=True), Pump(self, pipe, writer, up=False)
        try:
            await asyncio.gather(up.run(reader), down.run(remote_reader))
        finally:
            self._pipes.discard(pipe)
            for each in pipe.writers:
                each.close()

    def count(self, pipe: Pipe, size: int, up: bool) -> None:
        if not up:
            self.counters.down += size
            return
        self.counters.up += size
        faults = pipe.faults
        if faults.cut_after is not None:
            faults.cut_after -= size
            if faults.cut_after <= 0:
                faults.cut_after = None
                self._cut_those_of(faults)

    def _cut_those_of(self, faults: Faults) -> None:
        self.counters.cuts += 1
        for pipe in list(self._pipes):
            if pipe.faults is faults:
                pipe.reset()


class Pump:
    """One direction of a connection: a reader that stamps each block with its time of delivery, and a sender."""

    def __init__(self, proxy: Proxy, pipe: Pipe, writer: asyncio.StreamWriter, up: bool) -> None:
        self._proxy, self._pipe, self._writer, self._up = proxy, pipe, writer, up
        self._blocks: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=64)

    async def run(self, reader: asyncio.StreamReader) -> None:
        sender = asyncio.ensure_future(self._send())
        try:
            while data := await reader.read(BLOCK):
                await self._blocks.put((time.monotonic() + self._pipe.faults.delay, data))
        except OSError:
            pass
        await self._blocks.put((0.0, b""))
        await sender

    async def _send(self) -> None:
        writer = self._writer
        while True:
            due, data = await self._blocks.get()
            if not data:
                break
            await self._wait_for_the_network(due, len(data))
            if writer.is_closing():
                continue  # the other side is gone; the reader ends this pump
            try:
                writer.write(data)
                await writer.drain()
            except OSError:
                continue
            self._proxy.count(self._pipe, len(data), self._up)
        if not writer.is_closing() and writer.can_write_eof():
            try:
                writer.write_eof()
            except OSError:
                pass

    async def _wait_for_the_network(self, due: float, size: int) -> None:
        if not self._writer.is_closing():
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        while self._pipe.faults.stalled and not self._writer.is_closing():
            await asyncio.sleep(0.01)
        faults = self._pipe.faults
        if faults.rate is not None and self._up and not self._writer.is_closing():
            now = time.monotonic()
            faults.next_send = max(now, faults.next_send) + size / faults.rate
            await asyncio.sleep(faults.next_send - now)
