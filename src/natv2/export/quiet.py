"""Exporters that say nothing of their own steps."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO

_NOISY = ("torch.onnx", "torch.export", "onnxscript", "onnx_ir", "root")


@contextmanager
def quiet() -> Iterator[None]:
    """Without what libraries print, log and warn of; their errors are raised."""
    loggers = [logging.getLogger(None if name == "root" else name) for name in _NOISY]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
