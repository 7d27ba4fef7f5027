"""`natv2 doctor`: what works here, a line each, and what to install for what does not."""
