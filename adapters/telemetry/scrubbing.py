"""What must not be read in logs and spans, taken out of texts that others wrote."""

import re

# What follows these segments opens something to whoever holds it.
_SECRET_SEGMENT = re.compile(
    r"((?:/|%2F)(?:issues|invitation|password-reset)(?:/|%2F))[^/%\s?\"'\\]+", re.IGNORECASE
)
# Looking back keeps these from starting over inside a long word, which takes minutes.
_SECRET_USERINFO = re.compile(r"(?<!\w)(\w+://[^:/@\s]*:)[^@\s\"]{1,500}@")
_ADDRESS = re.compile(r"(?<![\w.+%-])[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
# Databases and SQLAlchemy say which values they refused.
_VALUES_BEGIN = re.compile(r"[ |]*(?:DETAIL:|CONTEXT:|\[parameters:|Key \()")
_VALUES_END = re.compile(
    r"[ |]*(?:HINT:|\[SQL:|\(Background on this error|Traceback \(most|The above exception"
    r"|During handling)"
)
_VALUES_OF_A_REPR = re.compile(r"(\\n(?:DETAIL:|CONTEXT:)).*")
_REFUSED_INPUT = re.compile(
    r"(invalid input (?:syntax|value) for [\w .]{1,60}: \"?).*?(?=\"$|\Z)", re.MULTILINE | re.DOTALL
)


def scrubbed(text: str) -> str:
    """Without tokens and passwords in addresses of pages and servers."""
    text = _SECRET_SEGMENT.sub(r"\1***", text)
    return _SECRET_USERINFO.sub(r"\1***@", text)


def without_values(text: str) -> str:
    """An error's text also without e-mail addresses and the values of a refused statement."""
    text = _without_refused_values(scrubbed(text))
    return _ADDRESS.sub("***", text)


def _without_refused_values(text: str) -> str:
    """A value may have line breaks of its own: what is left out ends only where something begins
    that databases, SQLAlchemy or Python write."""
    kept: list[str] = []
    hidden = False
    for line in text.split("\n"):
        if begin := _VALUES_BEGIN.match(line):
            kept.append(f"{begin[0]} ***")
            hidden = True
        elif not hidden or _VALUES_END.match(line):
            kept.append(line)
            hidden = False
    text = _VALUES_OF_A_REPR.sub(r"\1 ***", "\n".join(kept))
    return _REFUSED_INPUT.sub(r"\1***", text)
