from tests.pipelines.conftest import journey

__all__ = ["journey"]
