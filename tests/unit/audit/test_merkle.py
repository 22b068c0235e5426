"""The tree against public vectors and against its own definition."""

import json
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.audit import merkle
from services.audit.merkle import ProofError

VECTORS = Path(__file__).parents[2] / "vectors"

LEAVES = [bytes.fromhex(h) for h in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def load(name: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((VECTORS / name).read_text())
    return cases


def raw(text: str | None) -> bytes:
    return b64decode(text or "")


def leaves(count: int) -> list[bytes]:
    return [merkle.leaf_hash(str(i).encode()) for i in range(count)]


@pytest.mark.parametrize("size", range(9))
def test_root_is_the_published_one_when_the_reference_tree_has_that_size(size: int) -> None:
    assert merkle.root_of([merkle.leaf_hash(leaf) for leaf in LEAVES[:size]]).hex() == ROOTS[size]


def test_all_public_cases_are_present_when_vectors_are_loaded() -> None:
    for name in ("merkle-inclusion.json", "merkle-consistency.json"):
        assert len(load(name)) == 98
        assert {case["wantErr"] for case in load(name)} == {True, False}


@pytest.mark.parametrize("case", load("merkle-inclusion.json"), ids=lambda c: c["name"])
def test_inclusion_verifies_as_published_when_given_a_public_vector(case: dict[str, Any]) -> None:
    def verify() -> None:
        proof = [raw(h) for h in case["proof"] or []]
        merkle.verify_inclusion(
            raw(case["leafHash"]), case["leafIdx"], case["treeSize"], proof, raw(case["root"])
        )

    if case["wantErr"]:
        with pytest.raises(ProofError):
            verify()
    else:
        verify()


@pytest.mark.parametrize("case", load("merkle-consistency.json"), ids=lambda c: c["name"])
def test_consistency_verifies_as_published_when_given_a_public_vector(case: dict[str, Any]) -> None:
    def verify() -> None:
        proof = [raw(h) for h in case["proof"] or []]
        merkle.verify_consistency(case["size1"], case["size2"], proof, raw(case["root1"]), raw(case["root2"]))

    if case["wantErr"]:
        with pytest.raises(ProofError):
            verify()
    else:
        verify()


@settings(max_examples=150)
@given(st.data())
def test_inclusion_proof_verifies_when_it_was_made_for_that_leaf(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 300))
    index = data.draw(st.integers(0, size - 1))
    hashes = leaves(size)
    proof = merkle.inclusion_proof(index, size, merkle.reader_of(hashes))
    root = merkle.root_of(hashes)
    merkle.verify_inclusion(hashes[index], index, size, proof, root)
    other = data.draw(st.integers(0, size - 1).filter(lambda i: i != index) if size > 1 else st.just(1))
    with pytest.raises(ProofError):
        merkle.verify_inclusion(hashes[index], other, size, proof, root)
    with pytest.raises(ProofError):
        merkle.verify_inclusion(hashes[index], index, size, [*proof, root], root)
    with pytest.raises(ProofError):
        merkle.verify_inclusion(sha256(b"other").digest(), index, size, proof, root)


@settings(max_examples=150)
@given(st.data())
def test_consistency_proof_verifies_when_the_old_tree_is_a_prefix(data: st.DataObject) -> None:
    new = data.draw(st.integers(1, 300))
    old = data.draw(st.integers(1, new))
    hashes = leaves(new)
    proof = merkle.consistency_proof(old, new, merkle.reader_of(hashes))
    roots = merkle.root_of(hashes[:old]), merkle.root_of(hashes)
    merkle.verify_consistency(old, new, proof, *roots)
    forged = merkle.root_of([sha256(b"forged").digest(), *hashes[1:old]])
    with pytest.raises(ProofError):
        merkle.verify_consistency(old, new, proof, forged, roots[1])
    with pytest.raises(ProofError):
        merkle.verify_consistency(old, new, [*proof, roots[0]], *roots)
    if proof:
        with pytest.raises(ProofError):
            merkle.verify_consistency(old, new, proof[:-1], *roots)
        with pytest.raises(ProofError):
            merkle.verify_consistency(old, new, [proof[0][:31], *proof[1:]], *roots)


@pytest.mark.parametrize(("old", "new"), [(0, 1), (0, 8), (5, 3), (-1, 3)])
def test_consistency_is_refused_when_sizes_prove_nothing(old: int, new: int) -> None:
    node = merkle.reader_of(leaves(8))
    with pytest.raises(ProofError):
        merkle.consistency_proof(old, new, node)
    with pytest.raises(ProofError):
        merkle.verify_consistency(old, new, [], merkle.EMPTY_ROOT, merkle.root_of(leaves(8)))


def test_empty_tree_is_consistent_when_compared_with_itself_alone() -> None:
    merkle.verify_consistency(0, 0, [], merkle.EMPTY_ROOT, merkle.EMPTY_ROOT)
    assert merkle.consistency_proof(0, 0, merkle.reader_of([])) == []


def test_inclusion_proof_is_refused_when_the_index_is_outside_the_tree() -> None:
    for index in (-1, 8):
        with pytest.raises(ProofError):
            merkle.inclusion_proof(index, 8, merkle.reader_of(leaves(8)))
