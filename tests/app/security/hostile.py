"""What nobody sends by accident."""

MARKUP = "\"><x-evil onmouseover='alert(1)'>{{ 7 * 7 }}</x-evil>"

# As they come over the wire, where no text stands for them.
RAW = (b"%FF%FE%ED%A0%80", b"%zz%", b"&&;=+%00+")

# One of each kind, for sweeps over everything.
KINDS = (
    MARKUP,
    "'; DROP TABLE runtime_account; --",
    "x\r\nBcc: everybody@example.com\r\n\r\nhello",
    "a\x00b",
    "\u202e\u200b\u2028\ufeff",
    "-1",
    "1e9",
    "\u00b2",
    "99999999999999999999999",
    "../../../etc/passwd",
    "//evil.example",
    "a" * 30_000,
)
# Those that databases take differently.
FOR_DATABASES = ("a\x00b", "\U0001f98a\u2028\ufeff", "9" * 30)
