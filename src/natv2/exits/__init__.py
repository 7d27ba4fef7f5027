"""Exit weights and ensemble arithmetic, used by every method (thesis, section 4.2.3)."""

from natv2.exits.weights import WEIGHTINGS, Weighting, ensemble, exit_weights

__all__ = ["WEIGHTINGS", "Weighting", "ensemble", "exit_weights"]
