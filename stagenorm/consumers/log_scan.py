"""Scan: what the lines of access logs hold, taken from large blocks, so that few lines are looked at one by one.

A line whose like the block is full of is known by its moment and its quotes alone; only one that may be a request to an
endpoint, or that is unlike the others, is read.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from stagenorm.consumers.agents import family
from stagenorm.consumers.clock import Clock, read_clock
from stagenorm.consumers.json_lines import read_json
from stagenorm.consumers.networks import Networks
from stagenorm.consumers.record import SECONDS, Record, hour_of
from stagenorm.consumers.requests import Requests
from stagenorm.consumers.tally import HOUR, Consumer, Tally
from stagenorm.consumers.text_lines import read_text

_SAMPLES = 5
_SHOWN = 160  # bytes of a malformed line that are kept
_PENDING = 20_000
_CACHED = 16_384
_FRONT = 5  # address, ident, user, moment and zone stand before the request
_OFFSET = re.compile(rb"\[\d\d/[A-Z][a-z]{2}/\d{4}(?::\d\d){3} ([+-]\d{4})\]")
_ALL_BUT_QUOTES = bytes(set(range(256)) - set(b'"\n'))


@dataclass
class Found:
    """What was found in a part of a log.

    Attributes:
        lines: how many there are.
        malformed: how many of them say nothing that can be read.
        samples: some of those, with their numbers, from 1.
        hours: how many lines each hour has, by the seconds since the epoch at which it begins.
        newest: the newest moment within an hour.
        tally: the requests to endpoints.
    """

    lines: int = 0
    malformed: int = 0
    samples: list[tuple[int, bytes]] = field(default_factory=list)
    hours: Counter[int] = field(default_factory=Counter)
    newest: dict[int, int] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)

    def merge(self, later: Found) -> None:
        """Take over what a later part of the same log holds."""
        room = _SAMPLES - len(self.samples)
        self.samples += [(number + self.lines, line) for number, line in later.samples[:room]]
        self.lines += later.lines
        self.malformed += later.malformed
        self.hours.update(later.hours)
        for hour, moment in later.newest.items():
            self.newest[hour] = max(moment, self.newest.get(hour, 0))
        self.tally.merge(later.tally)


def clock_of(found: Iterable[Found], window: int) -> Clock | None:
    """When logs end together, by their own clocks; None if no line has a moment.

    Args:
        found: in each of them.
        window: in seconds.
    """
    hours: Counter[int] = Counter()
    newest: dict[int, int] = {}
    for each in found:
        hours.update(each.hours)
        for hour, moment in each.newest.items():
            newest[hour] = max(moment, newest.get(hour, 0))
    return read_clock(hours, newest, window)


class Scan:
    """Reads blocks of whole lines, one after the other.

    Args:
        requests: tells the endpoint of a request.
        networks: tells where it came from.
        horizon: seconds since the epoch; requests in blocks that are older as a whole need not be found.
    """

    def __init__(self, requests: Requests, networks: Networks, horizon: int = 0) -> None:
        self._found = Found()
        self._horizon = horizon
        self._requests = requests
        self._origin = lru_cache(_CACHED)(
            lambda peer, forwarded: networks.origin(peer.decode("latin-1"), forwarded.decode("latin-1"))
        )
        self._endpoint = lru_cache(_CACHED)(lambda request: requests.endpoint(*request.split(b" ", 1)))
        self._quotes = b'""""""'  # what most lines of the last block had
        self._pending: dict[tuple[str, bytes, bytes, bytes], array[int]] = {}

    def read(self, block: bytes) -> None:
        """Take in a block of whole lines; the last one of a log may lack its end."""
        if not block.endswith(b"\n"):
            block += b"\n"
        lines = block.count(b"\n")
        if block.lstrip(b"\0 \r\n").startswith(b"{"):
            for number, line in enumerate(block.split(b"\n")[:-1], self._found.lines + 1):
                self._read_line(number, line)
        else:
            self._read_alike(block, lines)
        self._found.lines += lines
        if len(self._pending) > _PENDING:
            self._settle()

    def skip(self, head: bytes) -> None:
        """Count a line that is too long to be read, by its beginning."""
        self._found.lines += 1
        self._malformed(self._found.lines, head)

    def found(self) -> Found:
        """What there was so far."""
        self._settle()
        return self._found

    def _read_line(self, number: int, line: bytes) -> None:
        text = line.strip(b"\0 \t\r")
        if not text:
            return  # an empty line says nothing, and is no fault
        record = read_json(text) if text.startswith(b"{") else read_text(text)
        if record is None:
            self._malformed(number, line)
            return
        hour = record.at - record.at % HOUR
        self._found.hours[hour] += 1
        self._found.newest[hour] = max(record.at, self._found.newest.get(hour, 0))
        self._count(record)

    def _malformed(self, number: int, line: bytes) -> None:
        self._found.malformed += 1
        if len(self._found.samples) < _SAMPLES:
            self._found.samples.append((number, line[:_SHOWN]))

    def _read_alike(self, block: bytes, lines: int) -> None:
        first = _OFFSET.search(block)
        offset = first[1] if first else b"+0000"
        stamp = _stamp(offset)
        stamps = stamp.findall(block)
        odd = self._odd_quotes(block, lines)
        invalid = [hour for hour in set(stamps) if hour_of(hour, offset) is None]
        if len(stamps) != lines or invalid:
            odd |= {
                place
                for place, line in enumerate(block.split(b"\n")[:-1])
                if (found := stamp.search(line)) is None or found[1] in invalid
            }
        if odd:
            split = block.split(b"\n")[:-1]
            for place in sorted(odd):
                self._read_line(self._found.lines + place + 1, split[place])
            block = b"".join(line + b"\n" for place, line in enumerate(split) if place not in odd)
            stamps = stamp.findall(block)
        counted = Counter(stamps)
        begins = {stamp: begin for stamp in counted if (begin := hour_of(stamp, offset)) is not None}
        self._keep_time(block, begins, counted)
        if max(begins.values(), default=0) + HOUR > self._horizon:
            self._read_candidates(block, begins)

    def _odd_quotes(self, block: bytes, lines: int) -> set[int]:
        """The places of the lines that have another number of quotes than most."""
        quotes = block.translate(None, _ALL_BUT_QUOTES)
        if quotes == (self._quotes + b"\n") * lines:
            return set()
        each = quotes.split(b"\n")[:-1]
        usual = Counter(each).most_common(1)[0][0]
        if usual and len(usual) % 2 == 0:
            self._quotes = usual
        return {place for place, found in enumerate(each) if found != self._quotes}

    def _keep_time(self, block: bytes, begins: Mapping[bytes, int], stamps: Counter[bytes]) -> None:
        for stamp, begin in begins.items():
            self._found.hours[begin - begin % HOUR] += stamps[stamp]  # a zone may be half an hour off
        if begins:
            latest = max(begins, key=begins.__getitem__)
            clock = max(re.findall(rb"\[%s:(\d\d:\d\d) " % re.escape(latest), block))
            newest = begins[latest] + SECONDS.get(clock, 0)
            begin = newest - newest % HOUR
            self._found.newest[begin] = max(newest, self._found.newest.get(begin, 0))

    def _read_candidates(self, block: bytes, begins: Mapping[bytes, int]) -> None:
        """Count the requests of a block of lines that are alike. Nothing is called here that need not be: it is hot."""
        endpoint_of, pending = self._endpoint, self._pending
        for match in self._requests.candidate.finditer(block):
            at = match.start()
            front = block[block.rfind(b"\n", 0, at) + 1 : at].split(b" ")
            request, agent = match.groups()
            if agent is None or len(front) != _FRONT:  # more was logged than the combined format has
                self._read_candidate(block, match)
                continue
            endpoint = endpoint_of(request)
            if endpoint is None:
                continue
            stamp = front[3]  # [17/May/2015:10:05:03
            try:
                moment = begins[stamp[1:15]] + SECONDS[stamp[16:]]
            except KeyError:
                continue
            consumer = (endpoint, front[0], b"", agent)
            if consumer in pending:
                pending[consumer].append(moment)
            else:
                pending[consumer] = array("I", (moment,))

    def _read_candidate(self, block: bytes, match: re.Match[bytes]) -> None:
        start = block.rfind(b"\n", 0, match.start()) + 1
        record = read_text(block[start : block.find(b"\n", match.end())].rstrip(b"\r"))
        if record is not None:
            self._count(record)

    def _count(self, record: Record) -> None:
        endpoint = self._requests.endpoint(record.method, record.target)
        if endpoint is not None:
            consumer = (endpoint, record.peer, record.forwarded, record.agent)
            self._pending.setdefault(consumer, array("I")).append(record.at)

    def _settle(self) -> None:
        for (endpoint, peer, forwarded, agent), moments in self._pending.items():
            origin = self._origin(peer, forwarded)
            program = family(agent.decode("utf-8", "replace"))
            self._found.tally.add(Consumer(endpoint, origin.network, origin.internal, program), moments)
        self._pending.clear()


@lru_cache
def _stamp(offset: bytes) -> re.Pattern[bytes]:
    """Finds the day and hour of every line that is of this zone."""
    return re.compile(rb'\[(../.../....:..):..:.. %s\] "' % re.escape(offset))
