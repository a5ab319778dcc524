"""What a decoder raises for bytes from outside that it cannot read: bad UTF-8 and too deep a nesting are no
`MsgspecError`.
"""

import msgspec

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def reason_of(fault: Exception) -> str:
    """Return why bytes could not be read, without any of them."""
    match fault:
        case UnicodeDecodeError():
            return f"JSON is malformed: not UTF-8 ({fault.reason})"
        case RecursionError():
            return "JSON is nested too deep"
        case _:
            return str(fault)
