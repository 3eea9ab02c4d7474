"""Sections of a data sheet on control: reset, handshake, jobs, abort, events, with diagrams."""

from collections.abc import Iterator

from hw.units.notes.note import remedy

from .document import Figure, Section, Steps, Text, table
from .facts import Facts
from .waves import Wave, draw, lanes, source

__all__ = ["diagrams", "events", "protocol"]


def protocol(facts: Facts) -> Iterator[Section]:
    """Give reset, handshake, the steps of a job, and those of an abort."""
    yield Section(
        "Reset and handshake",
        (
            Text(
                "`aresetn` is synchronous and active low; one rising edge of `aclk` with it low is "
                "enough. Every `tready`, and every `tvalid` of an output, is low in reset and in "
                "the cycle in which it ends; from the next cycle on a unit takes what it can (see "
                "each stream). Registers are then as the register map says; a job is not needed to "
                "use them."
            ),
            Text(
                "A beat moves in a cycle in which both `tvalid` and `tready` are high. An output "
                "that was offered stays, unchanged, until it is taken. A source may drop `tvalid` "
                "only behind a taken beat. What a `tready` depends on in the same cycle is in "
                "[Paths within a cycle](#paths-within-a-cycle)."
            ),
        ),
    )
    yield Section("Job protocol", (Steps(tuple(_steps(facts))),))
    anew = "counters and random words begin" if facts.notes.draws else "counters begin"
    dropped = facts.core.ABORT
    lost = f" Also lost are {dropped}." if dropped else ""
    yield Section(
        "Abort",
        (
            Steps(
                (
                    "Stop the sources: beats that they still offer are theirs to drop.",
                    f"Write {facts.mask('control', 'abort')} to {facts.address('control')}.",
                    "Take a beat that an output still offers: the abort waits for it.",
                    (
                        f"Wait until `status.aborting` ({facts.mask('status', 'aborting')} of "
                        f"{facts.address('status')}) is 0; then clear `status.aborted`."
                    ),
                    "Go on with a new packet or job: what is written to registers stays.",
                )
            ),
            Text(f"What the unit held is gone; {anew} anew.{lost}"),
        ),
    )


def _steps(facts: Facts) -> Iterator[str]:
    """Give the steps of a use of the unit."""
    core, registers = facts.core, facts.manifest["registers"]
    identity = facts.register("identity")
    yield (
        f"Reset. Read {facts.address('identity')}: it must be {identity['reset']:#010x}; "
        f"{facts.address('unit')} is {facts.register('unit')['reset']:#010x}, "
        f"{facts.address('digest')} {facts.register('digest')['reset']:#010x}."
    )
    sizes = [
        r["name"] for r in registers if r["access"] == "rw" and r["name"] != "interrupt_enable"
    ]
    if sizes:
        when = "while `status.busy` is 0" if core.BUSY else "when they are to count"
        names = ", ".join(facts.address(name) for name in sizes)
        yield f"Write, {when}, those that are not to be as after reset: {names}."
    yield from facts.notes.job
    done = facts.mask("status", "done") if core.JOBS else ""
    enable = (
        f"{facts.address('interrupt_enable')}, such as {done}" if done else "`interrupt_enable`"
    )
    yield f"If interrupts are wanted, write the events' bits to {enable}."
    given = ", ".join(f"`{n}`" for n in facts.inputs)
    taken = ", ".join(f"`{n}`" for n in facts.outputs)
    moves = [
        f"send the beats on {given}" if given else "",
        f"take those of {taken}" if taken else "",
    ]
    move = " and ".join(each for each in moves if each)
    if core.JOBS:
        start, control, status = (
            facts.mask("control", "start"),
            facts.address("control"),
            facts.address("status"),
        )
        yield f"Write {start} to {control}: the job begins."
        yield f"{move[:1].upper()}{move[1:]}." if move else "The unit works alone, by its master."
        until = f"until `done` ({done}) is set: all results were taken"
        yield f"Wait for `irq`, or read {status} {until}."
        yield f"Look at the other events in {status}, see below, and at counters."
        yield f"Write {done} to {status} (a start clears it too), and begin the next job."
    else:
        yield f"There is no start. {move[:1].upper()}{move[1:]}, as long as there are any."
        yield f"Look at the events in {facts.address('status')}, and at counters, when you like."


def events(facts: Facts) -> Iterator[Section]:
    """Give events with what to do about them, and the interrupt."""
    state = ("aborting", "busy")
    rows = []
    for field in facts.register("status")["fields"]:
        name = field["name"]
        if name in state:
            todo = "A state, not an event: it clears itself."
        else:
            todo = remedy(name, facts.notes.flags)
        rows.append((f"`{name}`", field["offset"], field["description"], todo))
    yield Section(
        "Events, and what to do about each",
        (
            Text(
                f"Each is a bit of {facts.address('status')}, which stays set until it is written "
                "as 1; `control.clear` clears all but `done`. An event is in `status` a cycle "
                "after it happened. Unless said otherwise the unit goes on, and other results are "
                "right."
            ),
            *table(("event", "bit", "meaning", "what to do"), rows),
        ),
    )
    yield Section(
        "Interrupt",
        (
            Text(
                "`irq` is a level, active high, from a register: high while an event is set in "
                "`status` whose bit is set in `interrupt_enable`, from two cycles after the event "
                "on. Clear the event to let it fall, two cycles later; connect it to a "
                "level-sensitive input."
            ),
        ),
    )


def diagrams(facts: Facts) -> Iterator[Section]:
    """Give the timing diagrams."""
    waves = list(_waves(facts))
    yield Section(
        "Timing diagrams",
        (
            Text("A cycle lies between two dotted lines, its rising edge at the left one."),
            *(Figure(w.caption, draw(w), wave=source(w)) for w in waves),
        ),
    )


def _waves(facts: Facts) -> Iterator[Wave]:
    first = next(iter(facts.inputs), "")
    output = next(iter(facts.outputs), "")
    core = facts.core
    if first and not core.JOBS:
        yield Wave(
            f"Reset: the streams open two edges after aresetn rises, if {first} can be taken then",
            lanes(("aclk", "p......"), ("aresetn", "0..1..."), (f"{first}_tready", "0...1..")),
        )
    yield from _register_waves()
    if first:
        yield Wave(
            "Handshake: beat A moves at once, B waits for the sink, then C waits for the source",
            lanes(
                ("aclk", "p......."),
                (f"{first}_tdata", "x==..x=x", "A", "B", "C"),
                (f"{first}_tvalid", "01...010"),
                (f"{first}_tready", "1.0.1..."),
            ),
        )
    if first and output:
        latency = core.timing.latency
        exact = f"{latency} cycles" if core.timing.fixed else f"{latency} cycles or more"
        yield Wave(
            f"Latency: {exact} from a tile's or block's last beat taken to its first result",
            lanes(
                ("aclk", "p...|...."),
                (f"{first}_tvalid", "010.|...."),
                (f"{first}_tready", "1.x.|...." if core.JOBS else "1...|...."),
                (f"{output}_tvalid", "0...|.10."),
                ("cycle", "x=x.|.=x.", "0", str(latency)),
            ),
        )
    if core.JOBS:
        inside = [(f"{first}_tvalid", "1..|..|0....")] if first else []
        inside += [(f"{first}_tready", "0..|1.|0....")] if first else []
        inside += [(f"{output}_tvalid", "0..|..|.10..")] if output else []
        yield Wave(
            "A job: start, beats, the last result taken, done, and irq if it is enabled",
            lanes(
                ("aclk", "p..|..|....."),
                ("control.start", "010|..|....."),
                ("status.busy", "0.1|..|..0.."),
                *inside,
                ("status.done", "0..|..|..1.."),
                ("irq", "0..|..|...1."),
            ),
        )
    opened = [(f"{first}_tready", "1.0.1...")] if first and not core.JOBS else []
    yield Wave(
        "Abort, with no beat offered" + (" and the master idle" if facts.core.masters else ""),
        lanes(
            ("aclk", "p......."),
            ("control.abort", "010....."),
            ("status.aborting", "0.1.0..."),
            *opened,
            ("status.aborted", "0...1..."),
        ),
    )


def _register_waves() -> Iterator[Wave]:
    yield Wave(
        "Register write: the value counts from the cycle of awready on",
        lanes(
            ("aclk", "p......"),
            ("s_axi_awaddr", "x=.x...", "address"),
            ("s_axi_awvalid", "01.0..."),
            ("s_axi_awready", "0.10..."),
            ("s_axi_wdata", "x=.x...", "value"),
            ("s_axi_wvalid", "01.0..."),
            ("s_axi_wready", "0.10..."),
            ("s_axi_bvalid", "0..10.."),
            ("s_axi_bready", "1......"),
            ("register", "=.=....", "old", "value"),
        ),
    )
    yield Wave(
        "Register read",
        lanes(
            ("aclk", "p......"),
            ("s_axi_araddr", "x=.x...", "address"),
            ("s_axi_arvalid", "01.0..."),
            ("s_axi_arready", "0.10..."),
            ("s_axi_rvalid", "0..10.."),
            ("s_axi_rready", "1......"),
            ("s_axi_rdata", "x..=x..", "value"),
        ),
    )
