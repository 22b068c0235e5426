"""The Merkle tree of RFC 6962 and RFC 9162: hashes, proofs, and their verification. Pure.

- A leaf is `SHA-256(0x00 ‖ entry)`, a node `SHA-256(0x01 ‖ left ‖ right)`, the empty tree `SHA-256("")`.
- Proofs are made from a `NodeReader`, which gives the hash of any perfect subtree: (level, index) spans the
  leaves `[index·2^level, (index+1)·2^level)`. Tiles are one such reader (`services.audit.tiles`), a list of
  hashes another.
- Verification refuses by `ProofError`, never by a value that a caller could forget to look at. Every hash is
  checked to be 32 bytes; size 0 has the empty root only; nothing is consistent with a tree of size 0 but
  itself.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

from hub.errors import SenderError

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()

NodeReader = Callable[[int, int], bytes]


class ProofError(SenderError):
    """A proof, or the question put to it, does not hold."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry as a leaf (RFC 6962 section 2.1)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees."""
    return sha256(b"\x01" + left + right).digest()


def perfect_root(hashes: bytes) -> bytes:
    """The root over concatenated hashes whose number is a power of two, such as the 256 of a tile."""
    while len(hashes) > HASH_SIZE:
        hashes = b"".join(
            [sha256(b"\x01" + hashes[at : at + 64]).digest() for at in range(0, len(hashes), 2 * HASH_SIZE)]
        )
    return hashes


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << ((count - 1).bit_length() - 1)


def range_hash(start: int, end: int, node: NodeReader) -> bytes:
    """MTH(D[start:end]), where `start` is a multiple of the power of two that covers the range."""
    count = end - start
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return node(level, start >> level)
    middle = start + _split(count)
    return node_hash(range_hash(start, middle, node), range_hash(middle, end, node))


def reader_of(leaf_hashes: Sequence[bytes]) -> NodeReader:
    """A reader over all leaf hashes in memory."""

    def node(level: int, index: int) -> bytes:
        start = index << level
        return perfect_root(b"".join(leaf_hashes[start : start + (1 << level)]))

    return node


def root_of(leaf_hashes: Sequence[bytes]) -> bytes:
    """The root of the tree over these leaf hashes."""
    return range_hash(0, len(leaf_hashes), reader_of(leaf_hashes)) if leaf_hashes else EMPTY_ROOT


def inclusion_proof(index: int, size: int, node: NodeReader) -> list[bytes]:
    """PATH(index, D[size]) of RFC 6962 section 2.1.1. Raises `ProofError` for an index outside the tree."""
    if not 0 <= index < size:
        raise ProofError(f"expected an index from 0 to {size - 1}, got {index}")
    start, end, path = 0, size, []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(range_hash(middle, end, node))
            end = middle
        else:
            path.append(range_hash(start, middle, node))
            start = middle
    return path[::-1]


def consistency_proof(old: int, new: int, node: NodeReader) -> list[bytes]:
    """PROOF(old, D[new]) of RFC 6962 section 2.1.2; empty for equal sizes.

    Raises `ProofError` for other orders.
    """
    if old == new and old >= 0:
        return []
    if not 0 < old < new:
        raise ProofError(f"expected 0 < old size ≤ new size, got {old} and {new}")
    start, end, path = 0, new, []
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(range_hash(middle, end, node))
            end = middle
        else:
            path.append(range_hash(start, middle, node))
            start = middle
    if start:
        path.append(range_hash(start, end, node))
    return path[::-1]


def _check_hash(value: bytes, name: str) -> None:
    if len(value) != HASH_SIZE:
        raise ProofError(f"expected {HASH_SIZE} bytes of {name}, got {len(value)}")


def _check_proof(proof: Sequence[bytes]) -> None:
    for number, value in enumerate(proof):
        _check_hash(value, f"proof hash {number}")


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf hash stands at `index` in the tree (RFC 9162 section 2.1.3.2).

    Raises `ProofError`.
    """
    if not 0 <= index < size:
        raise ProofError(f"expected an index from 0 to {size - 1}, got {index}")
    _check_hash(leaf, "leaf hash")
    _check_hash(root, "root")
    _check_proof(proof)
    at, last, value = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError("the proof is too long")
        if at & 1 or at == last:
            value = node_hash(sibling, value)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            value = node_hash(value, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise ProofError("the proof is too short")
    if value != root:
        raise ProofError("the proof leads to another root")


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Check that the old tree is a prefix of the new one (RFC 9162 section 2.1.4.2). Raises `ProofError`.

    Equal sizes above 0 make the same statement twice: equal roots and no proof, and nothing is hashed.
    """
    if old < 0 or old > new:
        raise ProofError(f"expected 0 ≤ old size ≤ new size, got {old} and {new}")
    if old == new:
        if proof or old_root != new_root or (old == 0 and old_root != EMPTY_ROOT):
            raise ProofError("equal sizes want equal roots and no proof")
        return
    if old == 0:
        raise ProofError("nothing follows from a tree of size 0")
    _check_hash(old_root, "old root")
    _check_hash(new_root, "new root")
    _check_proof(proof)
    _fold_consistency(old, new, proof, old_root, new_root)


def _fold_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        raise ProofError("the proof is too short")
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofError("the proof is too long")
        if at & 1 or at == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise ProofError("the proof is too short")
    if first != old_root:
        raise ProofError("the proof leads to another old root")
    if second != new_root:
        raise ProofError("the proof leads to another new root")
