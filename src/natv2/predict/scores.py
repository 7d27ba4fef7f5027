"""How right predictions are, where the classes of the images are known."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from natv2.images.balance import recalls
from natv2.prediction import UNSURE


def confusion_matrix(said: Sequence[str], labels: Sequence[str], class_names: Sequence[str]) -> pd.DataFrame:
    """How many images of each class (rows, those that there are) are called what (columns).

    A column `unsure` stands at the end where something is.
    """
    known = [name for name in class_names if name in set(labels)]
    columns = [*class_names, *([UNSURE] if UNSURE in said and UNSURE not in class_names else [])]
    table = pd.crosstab(pd.Series(labels, name="class"), pd.Series(said, name="said"))
    return table.reindex(index=known, columns=columns, fill_value=0)


def score_text(said: Sequence[str], labels: Sequence[str], class_names: Sequence[str]) -> str:
    """Top-1, macro accuracy and what is unsure, in one line; the unsure count as wrong."""
    right = np.array(said) == np.array(labels)
    numbers = np.array([list(class_names).index(label) for label in labels])
    macro = float(np.nanmean(recalls(right, numbers, len(class_names))))
    text = f"top-1 {100 * right.mean():.2f} % of {len(labels)} images, macro accuracy {100 * macro:.2f} %"
    unsure = sum(name == UNSURE for name in said)
    if unsure and UNSURE not in class_names:
        sure = right.sum() / max(1, len(said) - unsure)
        text += f"; {unsure} unsure, of the others {100 * sure:.2f} % right"
    return text
