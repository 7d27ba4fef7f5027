"""Calls on their way to other ranks: pickled, and sealed, so that nothing from outside is unpickled."""

import hashlib
import hmac
import io
import pickle
from dataclasses import dataclass, field
from typing import Any

from natv2.ranks.tensors import Pickler
from natv2.ranks.tracking import Tracker, packing

_SEAL = hashlib.sha256().digest_size


class SealError(RuntimeError):
    """A parcel does not come from this group."""


@dataclass(frozen=True)
class Parcels:
    """Packs what ranks of one group send each other; `key` is known to these ranks alone.

    `trackers` are those of rank 0 that went along so far.
    """

    key: bytes
    trackers: list[Tracker] = field(default_factory=list, repr=False)

    def packed(self, value: Any) -> bytes:
        """`value`, functions within functions too, with its seal before it."""
        buffer = io.BytesIO()
        with packing(self.trackers):
            Pickler(buffer, protocol=pickle.HIGHEST_PROTOCOL).dump(value)
        content = buffer.getvalue()
        return self._seal(content) + content

    def unpacked(self, parcel: bytes) -> Any:
        """What was packed by a rank of this group. Raises SealError on anything else, before it is read."""
        seal, content = parcel[:_SEAL], parcel[_SEAL:]
        if not hmac.compare_digest(seal, self._seal(content)):
            raise SealError("a message is not from this group, or damaged")
        return pickle.loads(content)  # sealed by a rank of this group

    def _seal(self, content: bytes) -> bytes:
        return hmac.new(self.key, content, hashlib.sha256).digest()
