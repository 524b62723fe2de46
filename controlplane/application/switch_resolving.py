"""Owns what becomes of a document that is not what was published last: which of the two is right."""

from controlplane.application.switch_reading import Reading
from controlplane.application.switch_requests import DriftPolicy, DriftRequest
from controlplane.contract.switches import SwitchDocument
from controlplane.domain.switches import Switches, SwitchRefusal


def resolution(
    request: DriftRequest, reading: Reading, last: SwitchDocument | None
) -> tuple[Switches, Switches]:
    """What the log compares, and what is published; `last` is what was published last, where that is known.

    Raises:
        SwitchRefusal: there is nothing to decide, or what was chosen is not there.
    """
    if reading.drift is None:
        raise SwitchRefusal(
            "no_drift", f"the switches of {request.service} are what was published last: nothing to decide"
        )
    standing = reading.standing.switches if reading.standing else {}
    published = last.switches if last else {}
    if request.policy is DriftPolicy.ADOPT:
        if reading.standing is None:
            raise SwitchRefusal("not_adoptable", f"what stands there cannot be taken: {reading.drift.text}")
        return published, standing
    if last is None:
        raise SwitchRefusal(
            "nothing_known", f"neither memory nor history tells what was published of {request.service} last"
        )
    return standing, published
