"""Networks taken elsewhere: exported, with proof that they are still the same ones."""
