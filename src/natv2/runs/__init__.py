"""What happens around a run: parameters, preflight, resume, tracking, summary."""
