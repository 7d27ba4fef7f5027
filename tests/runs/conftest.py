from tests.frames import archive, finished, front

__all__ = ["archive", "finished", "front"]
