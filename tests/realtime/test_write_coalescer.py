"""One write per connection and turn of the loop."""

from app.realtime.fanout import Fanout
from app.realtime.outbox import Outbox
from app.realtime.write_coalescer import WriteCoalescer
from app.wire.websocket_frame import text_frame
from tests.harness.patience import turns
from tests.realtime.recording import DEN, NO_LIMIT, RecordingTransport


def outbox_to(transport: RecordingTransport) -> Outbox:
    return Outbox(transport, NO_LIMIT, lambda _: None)


async def test_what_is_sent_in_one_turn_is_one_write_per_connection() -> None:
    transports = [RecordingTransport(), RecordingTransport()]
    ana, bo = (outbox_to(transport) for transport in transports)
    coalescer = WriteCoalescer()

    for n in range(3):
        coalescer.send(ana, b"%d" % n)
    coalescer.send(bo, b"x")
    assert transports[0].writes == []
    await turns(2)

    assert transports[0].payloads == [b"0", b"1", b"2"]
    assert [len(transport.writes) for transport in transports] == [1, 1]
    coalescer.send(ana, b"again")
    await turns(2)
    assert transports[0].payloads[-1] == b"again"


async def test_a_reply_is_sent_in_its_turn_even_if_no_event_comes() -> None:
    transport, coalescer = RecordingTransport(), WriteCoalescer()

    coalescer.write_with_replies(outbox_to(transport), DEN, b"reply")
    await turns(2)

    assert transport.payloads == [b"reply"]


async def test_it_does_not_wait_for_the_fan_out() -> None:
    transport, fanout, coalescer = RecordingTransport(), Fanout(), WriteCoalescer()
    ana, others = outbox_to(transport), [outbox_to(RecordingTransport()) for _ in range(100)]

    fanout.send([*others, ana], text_frame(b"event"))
    coalescer.send(ana, b"reply")
    await turns(2)

    assert transport.payloads == [b"event", b"reply"]


async def test_a_peer_that_is_gone_costs_no_other_its_frames() -> None:
    class GoneTransport(RecordingTransport):
        def write(self, frames: bytes) -> None:
            raise RuntimeError("the handler is closed")

    transport, coalescer = RecordingTransport(), WriteCoalescer()

    coalescer.send(outbox_to(GoneTransport()), b"x")
    coalescer.send(outbox_to(transport), b"x")
    await turns(2)

    assert transport.payloads == [b"x"]
