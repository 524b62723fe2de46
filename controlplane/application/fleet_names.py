"""Owns what a fleet file may refer to: names are declared once, and every reference must find its name."""

from dataclasses import dataclass, field

from controlplane.application.fleet_tree import (
    Fields,
    Mistake,
    Node,
    Place,
    Reader,
    choices,
    described,
    shown,
)
from controlplane.application.fleet_values import name as any_name


@dataclass(slots=True)
class Names:
    """The names of one kind, in the order in which they are declared."""

    kind: str
    lines: dict[str, int | None] = field(default_factory=dict)

    def declare(self, place: Place) -> None:
        """Take the name that stands here; a second one of the same spelling is a mistake.

        A name that breaks the rule of names is taken all the same: it has its mistake already, and what
        refers to it is not one more.
        """
        name = place.node.value
        if not isinstance(name, str):
            return
        if name in self.lines:
            first = "" if self.lines[name] is None else f", first on line {self.lines[name]}"
            place.refuse(f"the {self.kind} {shown(name)} stands here twice{first}", "each one once")
        self.lines.setdefault(name, place.node.line)

    def reference(self, node: Node) -> str:
        """Read a name that must have been declared."""
        name = node.value
        if not isinstance(name, str):
            raise Mistake(f"a {self.kind} is wanted, this is {described(node)}", choices("", self.lines))
        if name not in self.lines:
            raise Mistake(f"there is no {self.kind} {shown(name)}", choices(name, self.lines))
        return name

    def references(self, fields: Fields, key: str, *, most: int) -> tuple[str, ...]:
        """Read a list of such names, each of which may stand in it once."""
        seen = Names(self.kind)
        places = fields.at(key).items(most=most)
        for place in places:
            seen.declare(place)
        return tuple(place.read(self.reference, "") for place in places)


def read_name(fields: Fields, names: Names, *, key: str = "name", reader: Reader[str] = any_name) -> str:
    """The name of an item, which is thereby declared."""
    if key in fields:
        names.declare(fields.at(key))
    return fields.read(key, reader, "")


@dataclass(slots=True)
class Scope:
    """Everything declared so far. A file is read in an order in which references look back."""

    adopted: bool
    """Whether instances from the Consul catalog may stand in it: in a snapshot, never in a file."""
    regions: Names = field(default_factory=lambda: Names("region"))
    vantages: Names = field(default_factory=lambda: Names("vantage"))
    services: Names = field(default_factory=lambda: Names("service"))
    instances: Names = field(default_factory=lambda: Names("instance id"))
    switches: Names = field(default_factory=lambda: Names("switch"))
    """Spelled `service/switch`."""
    groups: Names = field(default_factory=lambda: Names("group"))
    grouped: dict[str, str] = field(default_factory=dict)
    """Service → the one group that it moves with."""
    playbooks: Names = field(default_factory=lambda: Names("playbook"))
