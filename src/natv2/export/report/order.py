"""What a format does to the order of networks: whether the best one still is."""

from itertools import combinations

import pandas as pd


def order_sentence(table: pd.DataFrame) -> str:
    """Of the formats that round, how many pairs of networks change places by top-1, and which is best."""
    sentences = []
    known = table.dropna(subset=["top1", "pytorch_top1"])
    for name in ("onnx_fp16", "onnx_int8"):
        files = known[known["format"] == name]
        if len(files) < 2:
            continue
        exact, rounded = files["pytorch_top1"].tolist(), files["top1"].tolist()
        pairs = [(a, b) for a, b in combinations(range(len(files)), 2) if exact[a] != exact[b]]
        changed = sum((exact[a] - exact[b]) * (rounded[a] - rounded[b]) <= 0 for a, b in pairs)
        names = files["network"].tolist()
        before, best = names[exact.index(max(exact))], names[rounded.index(max(rounded))]
        kept = "still" if best == before else f"no longer {before} but"
        sentences.append(
            f"{name}: of {len(pairs)} pairs of networks {changed} change places or become equal by "
            f"validation top-1; the best is {kept} {best}."
        )
    return "\n".join(sentences) or "Nothing was rounded that has an order."
