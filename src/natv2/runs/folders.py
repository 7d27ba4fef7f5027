"""Folders that carry the names of a run, shortened where paths would become too long.

Windows ends a path at 260 characters, the project's own folder with it: below that, no path of ours has more
than 180. The catalog says how many of them each folder may take; what entries are called takes the rest.
"""

from hashlib import blake2b

from natv2.errors import UserError

_LONGEST_FOLDER = 16
_TRAILING = " ._+-"  # looks cut off; and Windows drops dots and spaces at the end of a name


def fitted(room: int, above: object, template: str, *names: object) -> str:
    """`names` put into `template`, below the folder `above`; at most `room` characters in all.

    Where that needs it, the longest names are cut, to one length, and a digest of all stands at the end: the
    same for the same names, another for others.
    """
    whole = f"{above}/{template.format(*names)}"
    if len(whole) <= room:
        return whole
    mark = blake2b(whole.encode(), digest_size=4).hexdigest()
    texts = [str(name) for name in names]
    rest = room - len(f"{above}/{template.format(*([''] * len(texts)))}-{mark}")
    length = max(
        (n for n in range(1, rest + 1) if sum(min(n, len(text)) for text in texts) <= rest), default=1
    )
    return f"{above}/{template.format(*(_cut(text, length) for text in texts))}-{mark}"


def check_folder(name: object) -> None:
    """Raise UserError where the environment's `folder`, which is never cut, leaves too little for others."""
    if len(str(name)) > _LONGEST_FOLDER:
        raise UserError(
            f"folder '{name}' in globals.yml has {len(str(name))} characters: {_LONGEST_FOLDER} are allowed, "
            "since paths end at some length"
        )


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[:length].rstrip(_TRAILING) or text[:length]
