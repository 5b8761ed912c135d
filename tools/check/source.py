# SPDX-License-Identifier: MIT
"""Reads the C of our own headers as text: comments, functions, atomic sites.

No parser: it leans on the house format, which tools/check/rules enforces. A
function's body begins and ends with a brace in the first column.
"""

import re

# A string is matched so that what looks like a comment inside it stays.
COMMENT = re.compile(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.DOTALL)
BODY = re.compile(r"^\{$.*?^\}$", re.DOTALL | re.MULTILINE)
NAME = re.compile(r"\b([a-z]\w*)\s*\(")

# What orders memory, or could: calls of atomics/word.h and fence.h, the
# builtins that these are made of, and the two futex calls that compare.
SITE = re.compile(
    r"\bslip_a(?:32|64)_(?P<verb>load|store|exchange|fetch_add|fetch_or|"
    r"fetch_and|cas)_(?P<order>relaxed|acquire|release|acqrel|seqcst)\b|"
    r"\b(?P<fence>slip_fence_\w+|__atomic_\w+_fence)\b(?=\()|"
    r"\b(?P<builtin>__atomic_\w+)\b(?=\()|"
    r"\b(?P<futex>slip_futex_(?:wait|wake|wake_op))\b(?=\()"
)


def blank(text):
    """The text with comments and strings as spaces; every place stays put."""
    return COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def functions(code):
    """(name, start, end) of every function body in blanked text."""
    found = []
    for body in BODY.finditer(code):
        head = re.split(r"[;}]|^#.*$", code[: body.start()], flags=re.MULTILINE)[-1]
        name = NAME.search(head)
        if name:
            found.append((name[1], body.start(), body.end()))
    return found


def function_at(found, place):
    """The name of the function around a place, or None."""
    for name, start, end in found:
        if start <= place < end:
            return name
    return None


def sites(code, found):
    """(match, function) of every atomic site inside a function."""
    for match in SITE.finditer(code):
        name = function_at(found, match.start())
        if name:
            yield match, name


def comments(text):
    """(start, end, plain words) of every comment."""
    for match in COMMENT.finditer(text):
        if match[0].startswith("/*"):
            inner = re.sub(r"\n\s*\* ?", "\n", match[0][2:-2])
            yield match.start(), match.end(), " ".join(inner.split())
