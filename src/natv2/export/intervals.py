"""How sure a share is that was counted."""

_Z = 1.959964  # of a normal distribution, 95 % lie within


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """The ends of the 95 % interval of a share of which `hits` of `trials` were seen (Wilson, 1927)."""
    share, weight = hits / trials, _Z**2 / trials
    centre = (share + weight / 2) / (1 + weight)
    half = _Z / (1 + weight) * (share * (1 - share) / trials + weight / (4 * trials)) ** 0.5
    return max(0.0, centre - half), min(1.0, centre + half)
