"""Reports of damaged frames, whenever these come."""

import pytest

from boards.frames import Header, Status, cobs, decode
from boards.link.responder import Responder

from ..clocked import drive

# A report takes fewer cycles.
REPORT = 160


def reports(bursts: list[list[int]], *, reason: int = 1) -> list[list[Header]]:
    """What is reported of each burst: the cycles in which frames are damaged, in order."""
    dut = Responder(buffer=256)
    found: list[list[Header]] = []

    async def bench(context):
        context.set(dut.reason, reason)
        context.set(dut.o.ready, 1)
        out = dut.o.payload
        for burst in bursts:
            found.append([])
            frame = bytearray()
            # One report is sent, another waits.
            for cycle in range(burst[-1] + 2 * REPORT):
                context.set(dut.damaged, cycle in burst)
                tick = context.tick().sample(dut.o.valid, out.data, out.last)
                *_, valid, byte, last = await tick
                if valid:
                    frame.append(byte)
                if valid and last:
                    found[-1].append(decode(cobs(bytes(frame)))[0])
                    frame.clear()

    drive(dut, bench)
    return found


@pytest.mark.parametrize("before", [[0], [0, 40]])
def test_the_last_report_counts_every_damage(before):
    """A frame is damaged at every distance from the first, and one more while that is reported."""
    bursts = [[*before, before[-1] + wait] for wait in range(1, 2 * REPORT)]
    for number, (burst, headers) in enumerate(zip(bursts, reports(bursts), strict=True), 1):
        positions = [header.position for header in headers]
        assert positions == sorted(positions), burst
        assert positions[-1] == number * len(burst), burst
        assert {(header.kind, header.extra) for header in headers} == {(Status.DAMAGED, 1)}
