"""NATv2: the best small networks for your images, from once-for-all supernets with early exits."""

from natv2.networks import load_network

__all__ = ["load_network"]
