"""The error that the outcome of a run tells of."""

from collections.abc import Mapping
from typing import Any

from .job import (
    LATE,
    RESPONSE,
    RULE,
    SURPLUS,
    UNKNOWN,
    WATCHDOG,
    ContentError,
    HoldError,
    Job,
    Outcome,
    ProtocolError,
    ResponseError,
    SurplusError,
    WatchdogError,
)

__all__ = ["raise_for"]


def raise_for(job: Job, outcome: Outcome, registers: Mapping[str, list[str]]) -> None:
    """Raise the error that an outcome tells of; ``registers`` are those accessed in each phase."""
    if job.reset_after and not outcome.status and outcome.resets != 2:
        raise ValueError(f"the run ended before the reset after {job.reset_after} cycles")
    if not outcome.status:
        return
    where = f"{job.name}, seed {job.seed}, {outcome.place or f'cycle {outcome.cycles}'}"
    patience = outcome.patience or f"{job.watchdog} cycles"
    if outcome.waves:
        where += f", waves in {outcome.waves}"
    access_ended = outcome.phase in registers and not isinstance(outcome.culprit, str)
    if access_ended and outcome.status in (WATCHDOG, RESPONSE, UNKNOWN):
        access = "read" if outcome.phase == "reads" else "write"
        register = f"s_axi {access} of {registers[outcome.phase][int(outcome.culprit)]}"
        if outcome.status == RESPONSE:
            text = f"{register} was answered with response {outcome.response}"
            raise ResponseError(f"{text} ({where})")
        if outcome.status == UNKNOWN:
            raise ContentError(f"{register} was answered with unknown bits ({where})")
        raise WatchdogError(f"{register} got no response in {patience} ({where})")
    if outcome.status in (WATCHDOG, LATE):
        raise WatchdogError(_stopped(job, outcome, where, patience))
    name = str(outcome.culprit)
    if outcome.status == SURPLUS:
        text = f"{name} gave more than the {_expected(job, name)} beats expected"
        raise SurplusError(f"{text} ({where})")
    if outcome.status == RULE:
        raise ProtocolError(f"{name}: {outcome.rule} ({where})")
    done = outcome.transfers[name].done
    if outcome.status == UNKNOWN:
        raise ContentError(f"{name} has unknown bits at beat {done} ({where})")
    text = f"{name} changed or withdrew beat {done} before it was accepted"
    raise HoldError(f"{text} ({where})")


def _stopped(job: Job, outcome: Outcome, where: str, patience: str) -> str:
    """Return what waits, in a run that did not come to its end."""
    what = f"no handshake for {patience}"
    if outcome.status == LATE:
        what = f"irq stayed low for {job.irq_within} cycles"
    elif job.irq_within:
        what += ", and irq is low"
    stopped = "; ".join(
        _state(job, name, transfer)
        for name, transfer in outcome.transfers.items()
        if name not in (*job.inputs, *job.outputs) or transfer.done < _expected(job, name)
    )
    text = f"{what}: {stopped} ({where})" if stopped else f"{what} ({where})"
    if any(register["name"] == "control" for register in job.manifest["registers"]):
        text += "; control.abort ends what waits"
    return text


def _expected(job: Job, name: str) -> int:
    return job.outputs[name] if name in job.outputs else len(job.inputs[name])


def _state(job: Job, name: str, transfer: Any) -> str:
    if name not in (*job.inputs, *job.outputs):
        signals = f"valid {transfer.valid}, ready {transfer.ready}"
        return f"{name} moved {transfer.done} beats ({signals})"
    verb = "took" if name in job.inputs else "gave"
    text = f"{name} {verb} {transfer.done} of {_expected(job, name)} beats"
    if transfer.valid is None:
        return text
    return f"{text} (tvalid {transfer.valid}, tready {transfer.ready})"
