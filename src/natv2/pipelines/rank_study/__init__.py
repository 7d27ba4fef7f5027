"""How well a search orders networks: by its accuracies, and after finishing."""
