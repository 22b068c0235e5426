"""One question to the rules, and the role on which a permit lets its recipient rest."""

from __future__ import annotations

from services.consent.agreement import FOREVER, Micros
from services.consent.compiled import Permit
from services.consent.items import FAMILY
from services.consent.scene import Scene
from services.consent.vocabulary import FAMILY_ROLES


class Ask:
    """One question: may this desk have this category about this person; collects what the answer rests on."""

    __slots__ = (
        "addressed",
        "after",
        "before",
        "by_override",
        "category",
        "desk",
        "lifted_until",
        "parties",
        "person",
        "recorded",
        "stated",
        "text",
        "until",
        "volatile",
        "why",
    )

    def __init__(
        self,
        desk: str,
        category: str,
        person: str,
        recorded: Micros,
        *,
        addressed: bool = False,
        text: bool = False,
        parties: tuple[str, ...] = (),
        stated: str = "",
    ) -> None:
        self.desk, self.category, self.person = desk, category, person
        self.recorded, self.addressed, self.text, self.parties = recorded, addressed, text, parties
        self.after, self.before = -FOREVER, FOREVER
        self.until = FOREVER
        self.volatile = False
        self.by_override = False
        """A forbid was lifted: only what rests on that override may allow it (rule 4.16)."""
        self.lifted_until = FOREVER
        """The end of what lifts it."""
        self.stated = stated or category
        """The category that the schema gives; another than `category` where whereabouts are protected."""
        self.why = ""

    def rest_on(self, until: Micros) -> None:
        """The answer holds until then at most."""
        self.until = min(self.until, until)


def held(scene: Scene, permit: Permit, ask: Ask, *, same: bool) -> Micros | None:
    """The end of the role that the permit rests on, the latest of several; None if the desk holds none."""
    if permit.direct:
        return FOREVER if not same or _holds_any(scene, ask) else None
    best: Micros | None = None
    words = scene.role_words(ask.desk)
    for role in permit.roles:
        if role in words:
            for end in _ends(scene, role, ask, same=same):
                best = end if best is None or end > best else best
            if best == FOREVER:
                return best
    return best


def _ends(scene: Scene, role: str, ask: Ask, *, same: bool) -> list[Micros]:
    """The ends of this role of the desk, for everybody for whom it counts."""
    if role in FAMILY_ROLES:
        end = scene.family_roles.get(ask.desk, {}).get(role)
        return [] if end is None or (same and not _member(scene, ask.person)) else [end]
    persons = scene.roles.get(ask.desk, {})
    whom = _clients(scene, ask) if same else scene.members
    return [persons[each][role] for each in whom if each in persons and role in persons[each]]


def _member(scene: Scene, person: str) -> bool:
    return person == FAMILY or person in scene.members


def _clients(scene: Scene, ask: Ask) -> tuple[str, ...]:
    """For whom a role must be held: this very person; for a victim's child the victim will do."""
    if scene.members.get(ask.person) is not False:
        return (ask.person,)
    return (ask.person, *scene.parents_shielded(ask.person))


def _holds_any(scene: Scene, ask: Ask) -> bool:
    persons = scene.roles.get(ask.desk, {})
    return any(persons.get(each) for each in _clients(scene, ask))
