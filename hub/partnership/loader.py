"""Loads a partnership from its folder, whole or not at all.

Every file is read and every mistake found is reported, in the order of the files; a partnership with one
mistake does not load. The agreements (`agreements/*.yaml`) are checked here for their form only and are part
of the digest; what they say is read by the sharing rules (`services.consent.load`).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

from hub.partnership import parties, practice
from hub.partnership.document import Node, locate, plain, read
from hub.partnership.finding import ConfigurationError, Finding, Mark, finding
from hub.partnership.form import Form, one_of
from hub.partnership.model import Desk, Key, Partnership
from hub.partnership.vocabulary import event_types

FILES: Final = (
    "partnership.yaml",
    "agencies.yaml",
    "desks.yaml",
    "schemes.yaml",
    "specialisms.yaml",
    "pathways.yaml",
    "authority.yaml",
    "indicators.yaml",
    "limits.yaml",
)
"""What a partnership's folder must hold, beside `agreements/`."""
_NAMED: Final = ("agencies.yaml", "desks.yaml")
"""What an agreement names stands here."""
AGREEMENTS: Final = "agreements"
KEYS: Final = "keys.yaml"
MORE_KEYS: Final = "keys given beside the folder"


def load(folder: Path, keys: Path | None = None, types: frozenset[str] | None = None) -> Partnership:
    """The partnership of a folder. Raises ConfigurationError with all findings.

    Public keys come from the folder's `keys.yaml`, if there is one, and from `keys`, a file of the same shape
    (a sandbox makes its own; JSON is YAML too). With neither there are no keys, and nobody can sign in.
    `types`: event types that exist, those with a schema unless given.
    """
    found, findings = check(folder, keys, types)
    if found is None:
        raise ConfigurationError(findings)
    return found


def check(
    folder: Path, keys: Path | None = None, types: frozenset[str] | None = None
) -> tuple[Partnership | None, tuple[Finding, ...]]:
    """The partnership of a folder, or None and everything that is wrong with it."""
    found, findings = look(folder, keys, types)
    return (None if findings else found), findings


def look(
    folder: Path, keys: Path | None = None, types: frozenset[str] | None = None
) -> tuple[Partnership | None, tuple[Finding, ...]]:
    """The same, with a partnership for the agreements to be checked against although other files are wrong.

    None where the agencies and desks that an agreement names are not certain; with findings never to be used.
    """
    if not folder.is_dir():
        return None, (finding(Mark(folder), "the folder of a partnership", None, "partnerships/dorset"),)
    documents, findings = _documents(folder, keys)
    if any(documents.get(name) is None for name in FILES):
        # What refers to a file that cannot be read would only add noise.
        return None, tuple(findings)
    nodes = {name: node for name, node in documents.items() if node is not None}
    partnership = _partnership(nodes, findings, event_types() if types is None else types)
    order = {path: place for place, path in enumerate(_files(folder, keys).values())}
    ordered = sorted(findings, key=lambda each: (order.get(each.file, len(order)), each.line, each.column))
    named = {folder / name for name in _NAMED}
    return (None if any(each.file in named for each in ordered) else partnership), tuple(ordered)


def agreement_files(folder: Path) -> tuple[Path, ...]:
    """The files of a partnership's agreements, by name."""
    return tuple(sorted((folder / AGREEMENTS).glob("*.yaml")))


def _files(folder: Path, keys: Path | None) -> dict[str, Path]:
    """The files that are read, by name, in the order in which their mistakes are told."""
    paths = {name: folder / name for name in FILES}
    paths |= {f"{AGREEMENTS}/{each.name}": each for each in agreement_files(folder)}
    if (folder / KEYS).exists():
        paths[KEYS] = folder / KEYS
    if keys is not None:
        paths[MORE_KEYS] = keys
    return paths


def _documents(folder: Path, keys: Path | None) -> tuple[dict[str, Node | None], list[Finding]]:
    """Every file by name, None where it cannot be read, and what is wrong with their form."""
    paths = _files(folder, keys)
    documents: dict[str, Node | None] = {}
    findings: list[Finding] = []
    for name, path in paths.items():
        documents[name], found = read(path)
        findings += found
        if documents[name] is None and not found:
            findings.append(finding(Mark(path), "a mapping", None))
    allowed = {*paths, KEYS, AGREEMENTS}
    for each in sorted(folder.iterdir()):
        if each.name not in allowed and not each.name.startswith("."):
            findings.append(
                finding(Mark(each), "a file that belongs to a partnership", each.name, ", ".join(FILES))
            )
            documents[each.name] = None
    if not agreement_files(folder):
        findings.append(
            finding(Mark(folder / AGREEMENTS), "at least one agreement", None, "agreements/dor-sft.yaml")
        )
        documents[AGREEMENTS] = None
    return documents, findings


def _partnership(nodes: dict[str, Node], findings: list[Finding], types: frozenset[str]) -> Partnership:
    forms = {name: Form(nodes[name], findings, "name: value") for name in FILES}
    root = forms["partnership.yaml"]
    localities = practice.read_named(root, "localities")
    agencies = parties.read_agencies(forms["agencies.yaml"])
    desks = parties.read_desks(forms["desks.yaml"], agencies, localities)
    specialisms = practice.read_specialisms(forms["specialisms.yaml"], desks, agencies)
    known = {each.name for each in specialisms}
    for index, desk in enumerate(desks):
        if desk.specialism is not None and desk.specialism not in known:
            mark = locate(nodes["desks.yaml"], ("desks", index, "specialism"))
            findings.append(finding(mark, one_of(known), desk.specialism, "specialism: mental_health"))
    keys = _keys(nodes, findings, desks)
    partnership = Partnership(
        name=root.name("name", "north"),
        title=root.text("title", "Safeguarding Families Together"),
        tenant=root.name("tenant", "north"),
        calendar=practice.read_calendar(root),
        localities=localities,
        agencies=agencies,
        desks=desks,
        schemes=parties.read_schemes(forms["schemes.yaml"], agencies),
        authority=practice.read_authority(forms["authority.yaml"], desks, agencies, types),
        specialisms=specialisms,
        pathways=practice.read_pathways(forms["pathways.yaml"], specialisms, localities),
        indicators=practice.read_indicators(forms["indicators.yaml"], types),
        limits=practice.read_limits(forms["limits.yaml"]),
        keys=keys,
        digest=_digest(nodes),
    )
    for form in forms.values():
        form.close()
    return partnership


def _keys(nodes: dict[str, Node], findings: list[Finding], desks: tuple[Desk, ...]) -> tuple[Key, ...]:
    found: list[Key] = []
    form = None
    for name in (KEYS, MORE_KEYS):
        if name in nodes:
            form = Form(nodes[name], findings, "keys: […]")
            found += parties.read_keys(form, desks, {each.kid for each in found})
            form.close()
    having = {each.desk for each in found}
    for desk in desks:
        if form is not None and desk.active and desk.name not in having:
            form.refuse("keys", f"a public key for {desk.name}", None, parties.KEY_EXAMPLE)
    return tuple(found)


def _digest(nodes: dict[str, Node]) -> str:
    """SHA-256 (hex) of the canonical JSON of every file by name, keys apart."""
    content = {name: plain(node) for name, node in nodes.items() if name not in (KEYS, MORE_KEYS)}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
