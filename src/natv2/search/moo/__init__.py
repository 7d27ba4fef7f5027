"""Many-objective optimisation: survival, indicators, decision making, evolution, subset selection."""
