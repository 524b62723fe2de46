"""Owns a person's word on a document that is not what was published: adopt it, or enforce the last one."""

from dataclasses import dataclass, replace

from controlplane.application.composing import Held
from controlplane.application.doors import NotLeading
from controlplane.application.drafting import Context
from controlplane.application.mirror import StoreView
from controlplane.application.moving import Mover
from controlplane.application.observing import FAILOVER
from controlplane.application.ports import DatabaseUnavailable, StoreUnavailable
from controlplane.application.recollecting import Recollection
from controlplane.application.results import GroupDriftRequest, Refused, Result
from controlplane.contract.documents import (
    Change,
    ChangeKind,
    DocumentError,
    FailoverDocument,
    parse_failover,
)
from controlplane.contract.times import rfc3339
from controlplane.domain.revisions import RevisionError

ENFORCE = "enforce"


@dataclass(slots=True)
class FailoverDrift:
    """Publishes what a person says is right, one above every number that is known."""

    mover: Mover
    recollection: Recollection

    async def resolve(self, request: GroupDriftRequest) -> Result:
        """Publish what stands there (`adopt`) or what was published last (`enforce`).

        Raises:
            NotLeading: ask the leader.
        """
        leadership = self.mover.observer.leadership
        tenure, record = leadership.tenure, leadership.record
        if tenure is None:
            raise NotLeading(record.api or None if record else None)
        try:
            view = await self.mover.observer.mirror.refresh()
            await self.mover.observer.vouch(view)
            wanted = await self._wanted(request, view)
            if isinstance(wanted, Refused):
                return wanted
            after = await self._next(request, wanted, tenure.term)
        except (StoreUnavailable, DatabaseUnavailable) as error:
            return Refused("not_answered", f"nothing was sent: {error}")
        except RevisionError as error:
            return Refused("revisions_exhausted", str(error))
        index = view.index(view.keys.document(FAILOVER, request.group))
        context = Context({"policy": request.policy}, request.act.trace_id)
        return await self.mover.publish(Held(wanted, index), after, context, identity=tenure.identity)

    async def _wanted(self, request: GroupDriftRequest, view: StoreView) -> FailoverDocument | Refused:
        group = request.group
        if group not in self.mover.observer.situation(view).faults:
            return Refused(
                "no_drift", f"the document of {group} is what was published, there is nothing to decide"
            )
        if request.policy == ENFORCE:
            last = await self.recollection.last(group)
            return last or Refused("nothing_published", f"nothing is known to have been published of {group}")
        entry = view.entries.get(view.keys.document(FAILOVER, group))
        try:
            standing = parse_failover(entry.value if entry else b"")
        except DocumentError as error:
            return Refused("not_readable", f"what stands there cannot be adopted: {error}")
        regions = {one.name: one.regions for one in self.mover.observer.definitions().fleet.groups}.get(
            group, ()
        )
        if standing.group != group or (standing.active or "") not in regions:
            text = f"{standing.group} active in {standing.active}; regions of {group}: {', '.join(regions)}"
            return Refused("not_adoptable", f"what stands there cannot be adopted: {text}")
        return standing

    async def _next(
        self, request: GroupDriftRequest, wanted: FailoverDocument, term: int
    ) -> FailoverDocument:
        change = Change(
            id=self.mover.identifiers.new(),
            kind=ChangeKind.REPAIR,
            by=request.act.by,
            reason=request.act.reason,
            at=rfc3339(self.mover.clock.now()),
        )
        revision = await self.mover.numbering.next_revision(FAILOVER, request.group, in_force=wanted.revision)
        return replace(wanted, revision=revision, term=term, change=change)
