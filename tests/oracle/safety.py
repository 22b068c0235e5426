"""What is never released: the forbids F01 to F03, F05, F08 to F10, and what an override lifts (4.4, 4.16 to 4.19)."""

from __future__ import annotations

from dataclasses import dataclass

from services.consent.vocabulary import CATEGORIES
from tests.oracle.family import (
    agency_second,
    enquiry_runs,
    everybody,
    is_child,
    left_by_adoption,
    live_together,
    members,
)
from tests.oracle.roles import lead, sides_with
from tests.oracle.sides import (
    opposed,
    paired_since,
    pairs,
    suffered_it,
)
from tests.oracle.truth import any_of
from tests.oracle.world import (
    DAY,
    HOUR,
    NOBODY,
    Micros,
    Said,
    World,
    agency_of,
    covers,
    instant,
    means,
    remembered,
    who,
)

FREE = ("identity.name", "identity.dob")
WHEREABOUTS = "contact.whereabouts_protected"


@dataclass(frozen=True)
class Field:
    """What is asked about: a category, stated as another where it was lifted, about whom, and how it comes."""

    category: str
    person: str
    recorded: Micros
    stated: str = ""
    place: bool = False
    text: bool = False
    addressed: bool = False

    @property
    def names(self) -> set[str]:
        """The category that it is, and the one that it was stated as."""
        return {self.category, self.stated or self.category}


@dataclass(frozen=True)
class Override:
    """An override in force: whom, what and to whom it opens, and the lifts that their owners have confirmed."""

    id: str
    people: frozenset[str]
    categories: tuple[str, ...]
    desks: frozenset[str]
    victims: frozenset[str]
    restrictions: frozenset[str]

    def names(self, desk: str, field: Field) -> bool:
        """It names this person, category and desk."""
        named = any(means(word, field.category) for word in self.categories)
        return named and field.person in self.people and desk in self.desks


@remembered
def overrides(world: World) -> list[Override]:
    """In force at once; lapses at 24 h without a second person; end ≤ 21 days (vital: 72 h), never past the enquiry."""
    found: list[Override] = []
    for event in world.said("safety.override_invoked"):
        name = event.body["override"]
        end = override_end(world, event)
        if end is None or not covers(event.recorded, end, world.at) or ("override", name) in world.unread:
            continue
        found.append(
            Override(
                name,
                still_named(world, event),
                tuple(event.body.get("categories") or ()),
                frozenset(event.body.get("desks") or ()),
                frozenset(
                    each
                    for each in victims_of(event)
                    if confirmed(world, event, owners(world, each, world.at))
                ),
                frozenset(
                    each
                    for each in map(str, event.body.get("lifts_restrictions") or ())
                    if confirmed(world, event, placed_by(world, each, world.at))
                ),
            )
        )
    return found


def victims_of(event: Said) -> list[str]:
    """The victims whom an override names to be lifted."""
    return [each for each in (who(row) for row in event.rows("lifts_victims")) if each]


def override_end(world: World, event: Said) -> Micros | None:
    """The end of an override; None if it is not in force: an enquiry that it is for must run."""
    ground = event.body.get("ground")
    longest = event.recorded + (21 * DAY if ground == "s47" else 72 * HOUR)
    ends = [longest, instant(event.body.get("until")) or longest]
    if ground not in ("s47", "vital"):
        return None
    if ground == "s47" and not enquiry_runs(world, event.body.get("enquiry"), event.recorded):
        return None
    if not seconded(world, event):
        ends.append(event.recorded + 24 * HOUR)
    return min(ends)


def still_named(world: World, event: Said) -> frozenset[str]:
    """The people whom it names, but for whom it was ended."""
    people = {who(row) for row in event.rows("people")}
    for ended in world.said("safety.override_ended"):
        if ended.body["override"] == event.body["override"] and ended.when > event.when:
            people -= {who(row) for row in ended.rows("people")}
    return frozenset(each for each in people if each)


def seconded(world: World, event: Said) -> bool:
    """A second person of the agency that owns what it lifts, else of the council, within 24 h."""
    before = event.recorded + 24 * HOUR
    wanted = second_persons(world, event, before)
    return any(
        agency_second(world, event.id, each, lambda at: second_persons(world, event, at), before)
        for each in wanted
    )


def second_persons(world: World, event: Said, at: Micros) -> set[str]:
    """The agencies that own what it lifts by then, else the council; what nobody recorded is the council's."""
    owning: set[str] = set()
    for victim in victims_of(event):
        owning |= owners(world, victim, at) or {"council"}
    for name in map(str, event.body.get("lifts_restrictions") or ()):
        owning |= placed_by(world, name, at)
    return owning or {"council"}


def confirmed(world: World, event: Said, owning: set[str]) -> bool:
    """A second person of every agency that owns it has confirmed."""
    return all(
        agency_second(world, event.id, each, lambda at: second_persons(world, event, at))
        for each in owning or {"council"}
    )


def owners(world: World, victim: str, at: Micros) -> set[str]:
    """Who first recorded each pair of V, by then."""
    return {
        agency_of(pair.owner)
        for (_, v), pair in pairs(world).items()
        if v == victim and pair.recorded and pair.since <= at
    }


def placed_by(world: World, name: str, at: Micros) -> set[str]:
    """Who had placed the restriction by then."""
    return {
        agency_of(event.body.get("owner") or event.source)
        for event in world.said("safety.restriction_placed")
        if event.body["restriction"] == name and event.recorded <= at
    }


def lifting(world: World, desk: str, field: Field) -> list[Override]:
    """The overrides that may lift F01 and F02 of this field: never for contact."""
    if any(means("contact", each) for each in field.names) or field.place:
        return []
    return [each for each in overrides(world) if each.names(desk, field)]


@remembered
def forbids(world: World, desk: str, field: Field) -> set[str]:
    """Every forbid that denies this field to this desk, each lift apart."""
    found: set[str] = set()
    if any(not _lifted_v(world, desk, field, each) for each in shielded_from(world, desk, field)):
        found.add("F01")
    if any(not _lifted_r(world, desk, field, each) for each in restricted_from(world, desk, field)):
        found.add("F02")
    if field.category == "third_party.detail" and not lead(world, desk):
        found.add("F03")
    if field.category == "identity.protected_history":
        found.add("F05")
    if in_conflict(world, desk):
        found.add("F08")
    if not on_the_court_list(world, desk, field):
        found.add("F09")
    if field.person and left_by_adoption(world, field.person):
        found.add("F10")
    return found


@remembered
def needs_lift(world: World, desk: str, field: Field) -> bool:
    """True if F01 or F02 would deny it without an override."""
    return bool(shielded_from(world, desk, field) or restricted_from(world, desk, field))


def _lifted_v(world: World, desk: str, field: Field, victim: str) -> bool:
    return any(victim in each.victims for each in lifting(world, desk, field))


def _lifted_r(world: World, desk: str, field: Field, restriction: str) -> bool:
    return any(restriction in each.restrictions for each in lifting(world, desk, field))


def shielded_from(world: World, desk: str, field: Field) -> list[str]:
    """The victims opposed by the desk in whose shielded set this field stands.

    For a desk that opposes V every child of the family is shielded with her (ADR 0012).
    """
    found: list[str] = []
    for victim in opposed(world, desk):
        child = is_child(world, field.person) is not False
        if in_shielded_set(world, field, victim, paired_since(world, victim), shielded_child=child):
            found.append(victim)
    return found


def in_shielded_set(world: World, field: Field, victim: str, since: Micros, *, shielded_child: bool) -> bool:
    """Every field about V but name and birth date; of shielded children membership changes since the pair, contact,
    places, support, mental_health.detail, text.

    What is about the family as a whole is about V too, save that it is open. A category that may hold free text counts
    as text; a child's attendance tells its school by whom it comes from, so it is a place.
    """
    if field.person == NOBODY:
        return field.category != "family.existence" and victim in everybody(world)
    if field.person == victim:
        return field.category not in FREE
    if not shielded_child:
        return False
    if field.category == "family.membership" and field.recorded >= since:
        return True
    words = ("contact", "support", "mental_health.detail", "child.education")
    free_text = any(CATEGORIES[each].free_text for each in field.names)
    return (
        field.place
        or field.text
        or free_text
        or any(means(word, each) for word in words for each in field.names)
    )


def restricted_from(world: World, desk: str, field: Field) -> list[str]:
    """The restrictions that name this desk, and this field."""
    return [
        event.body["restriction"]
        for event in world.said("safety.restriction_placed")
        if not is_lifted(world, event)
        and restriction_names_desk(world, event, desk)
        and restriction_names_field(world, event, field)
    ]


def is_lifted(world: World, placed: Said) -> bool:
    """Ends only by a lift: reason, second person of its owner; a desk means its own, else the only one of that id."""
    owner = agency_of(placed.body.get("owner") or placed.source)
    placers = {
        event.source
        for event in world.said("safety.restriction_placed")
        if (event.body["restriction"], event.who()) == (placed.body["restriction"], placed.who())
    }
    return any(
        agency_of(event.source) == owner
        and (event.source == placed.source or (event.source not in placers and len(placers) == 1))
        and event.body["restriction"] == placed.body["restriction"]
        and event.who() == placed.who()
        and event.when > placed.when
        and agency_second(world, event.id, owner, lambda _: {owner})
        for event in world.said("safety.restriction_lifted")
    )


def restriction_names_desk(world: World, event: Said, desk: str) -> bool:
    """From whom: P (whoever serves him, never council or police), agency, team, worker; not to be read: everybody."""
    if ("restriction", event.who() or "", event.body["restriction"]) in world.unread:
        return True
    agency, team, worker = (event.body.get(each) for each in ("from_agency", "from_desk", "from_worker"))
    person = event.who("from_person")
    council = world.rules.desks[desk].kind in ("council", "police")
    if person and not council and sides_with(world, desk, person) is not False:
        return True
    if worker:  # the team's own desk is read by whoever works there
        return (
            desk in (f"{team}/{worker}", team)
            if team
            else desk.count("/") > 1 and desk.endswith("/" + worker)
        )
    if team:
        return desk == team or desk.startswith(team + "/")
    return bool(agency) and agency_of(desk) == agency


def restriction_names_field(world: World, event: Said, field: Field) -> bool:
    """Its categories about the person; none: their shielded set."""
    person, categories = event.who() or "", event.body.get("categories")
    unread = ("restriction", person, event.body["restriction"]) in world.unread
    if unread:
        if field.person == person:
            return True
        categories = None
    if categories:
        return field.person == person and any(
            means(word, each) for word in categories for each in field.names
        )
    since = 0 if unread else event.recorded
    return in_shielded_set(world, field, person, since, shielded_child=is_with(world, field.person, person))


def is_with(world: World, person: str, shielded: str) -> bool:
    """A child living with whom a record shields, or who saw, heard or suffered it; not known: it is."""
    if person not in members(world) or is_child(world, person) is False:
        return False
    return any_of([live_together(world, person, shielded), suffered_it(world, person, shielded)]) is not False


def in_conflict(world: World, desk: str) -> bool:
    """Worker in conflict: for them the family does not exist; colleagues are served (4.19)."""
    standing: set[tuple[str, str, str]] = set()
    for event in world.said("hub.worker_conflict_recorded", "hub.worker_conflict_ended"):
        conflict = (event.body["desk"], event.body["worker"], event.body["conflict"])
        if event.kind == "hub.worker_conflict_recorded":
            standing.add(conflict)
        else:
            standing.discard(conflict)
    return any(desk == f"{team}/{worker}" for team, worker, _ in standing)


def on_the_court_list(world: World, desk: str, field: Field) -> bool:
    """F09: what a court order names goes to its list alone; without an order child.proceedings to lead, performance."""
    ordered = orders(world, field)
    lists = [each.body["allowed"] for each in ordered if each.body.get("allowed") is not None]
    if any(("order", each.who() or "", each.body["order"]) in world.unread for each in ordered):
        return False
    if not all(stands_on(desk, each) for each in lists):
        return False
    if any(serves_from(world, each, desk) for each in ordered if each.body.get("allowed") is None):
        return False
    if field.category != "child.proceedings" or lists:
        return True
    return lead(world, desk) or desk == "council/performance"


def stands_on(desk: str, allowed: list[str]) -> bool:
    """On the list by name, or a worker of a team on it."""
    return any(desk == each or desk.startswith(each + "/") for each in allowed)


def serves_from(world: World, order: Said, desk: str) -> bool:
    """An order without a list is a restriction: from P's services."""
    person = order.who("from_person")
    council = world.rules.desks[desk].kind in ("council", "police")
    return person is not None and not council and sides_with(world, desk, person) is not False


def orders(world: World, field: Field) -> list[Said]:
    """The orders that name this field, until they are discharged; child.proceedings always, since it tells of them."""
    found: list[Said] = []
    for event in world.said("safety.court_order_recorded"):
        person = event.who() or ""
        if _discharged(world, event):
            continue
        unread = ("order", person, event.body["order"]) in world.unread
        categories = None if unread else event.body.get("categories")
        if field.category == "child.proceedings":
            named = field.person == person or (field.person == NOBODY and person in everybody(world))
        elif categories:
            named = field.person == person and any(means(w, each) for w in categories for each in field.names)
        else:
            since, with_her = 0 if unread else event.recorded, is_with(world, field.person, person)
            named = in_shielded_set(world, field, person, since, shielded_child=with_her)
            named = named or (unread and field.person == person)
        if named:
            found.append(event)
    return found


def _discharged(world: World, order: Said) -> bool:
    return any(
        (event.who(), event.body["order"]) == (order.who(), order.body["order"]) and event.when > order.when
        for event in world.said("safety.court_order_discharged")
    )
