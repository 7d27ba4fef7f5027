"""What became of a network in one format."""

from dataclasses import dataclass

from natv2.export.certificate import Certificate


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a network in one format: its certificate, or `why` nothing was written.

    `left_out`: that is no failure, the format cannot hold such a network.
    """

    network: str
    format: str
    certificate: Certificate | None = None
    why: str = ""
    left_out: bool = False

    @property
    def holds(self) -> bool:
        """Whether there is a file that is the network."""
        return self.certificate is not None and self.certificate.holds

    @property
    def failed(self) -> bool:
        """Whether there should be such a file and is none."""
        return not (self.holds or self.left_out)

    def __str__(self) -> str:
        if self.certificate is None:
            return f"{self.network} as {self.format}: {self.why}"
        why = "; ".join(self.certificate.objections)
        return f"{self.certificate.file} {f'was set aside: {why}' if why else 'holds'}"
