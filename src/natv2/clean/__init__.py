"""`natv2 clean`: what a project keeps and needs no longer; told first, removed on request."""
