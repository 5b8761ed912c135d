# SPDX-License-Identifier: MIT
"""Makes the mutants of the public headers: each is one small change of text.

A key names a mutant by file, function, number within the function and kind, so
that an edit elsewhere does not change it.
"""

import re

import rechecks
import source

# The next weaker order, or the two of an operation that is both.
WEAKER = {
    "acquire": ("relaxed",),
    "release": ("relaxed",),
    "acqrel": ("acquire", "release"),
    "seqcst": ("acqrel",),
}
BUILTIN = {"__ATOMIC_SEQ_CST": "__ATOMIC_ACQ_REL"}
SHIFT = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
NAMES = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}

COMPARISON = re.compile(r"(?<![-<>=!])(<=|>=|==|!=|<|>)(?![<>=])")
CONSTANT = re.compile(r"(?<=[+-] )(\d+)(?![\w.])")
DIRECTIVE = re.compile(r"^#(?:.*\\\n)*.*$", re.MULTILINE)
CALL = re.compile(r"[^()]*\(([^()]*)\)")


class Mutant:
    """One replacement in one header."""

    def __init__(self, header, function, number, kind, group, span, text):
        self.header = header
        self.folder = header.split("/")[0]
        self.function = function
        self.kind = kind
        self.group = group  # order, fence, recheck or boundary
        self.key = f"{header}:{function}:{number}:{kind}"
        self.span = span
        self.text = text

    def apply(self, original):
        start, end = self.span
        return original[:start] + self.text + original[end:]

    def difference(self, original):
        """The change in words of diff, for a person."""
        start, end = self.span
        line = original.count("\n", 0, start) + 1
        return f"{self.header}:{line}: {original[start:end]!r} -> {self.text!r}"


def numbered(found, matches):
    """(match, function, its number there) for matches inside functions."""
    counts = {}
    for match in matches:
        name = source.function_at(found, match.start())
        if name:
            counts[name] = counts.get(name, 0) + 1
            yield match, name, counts[name]


def weaken(header, code, found):
    """Orders one step down, and fences gone."""
    for match, name, number in numbered(found, source.SITE.finditer(code)):
        call = CALL.match(code, match.start())
        if match["order"]:
            for weaker in WEAKER.get(match["order"], ()):
                yield Mutant(header, name, number, f"{match['order']}-{weaker}",
                             "order", match.span("order"), weaker)
        elif match["fence"]:
            nothing = "0" if match["fence"] == "slip_fence_heavy" else "(void)0"
            yield Mutant(header, name, number, "fence-dropped", "fence",
                         call.span(), nothing)
        if match["fence"] == "__atomic_thread_fence" or match["builtin"]:
            order = re.compile("|".join(BUILTIN)).search(code, match.start())
            yield Mutant(header, name, number, "seqcst-acqrel", "order",
                         order.span(), BUILTIN[order[0]])


def shift(header, code, found):
    """Boundaries moved by one, conditions turned round."""
    for match, name, number in numbered(found, COMPARISON.finditer(code)):
        to = SHIFT[match[1]]
        yield Mutant(header, name, number, f"{NAMES[match[1]]}-{NAMES[to]}",
                     "boundary", match.span(1), to)
    for match, name, number in numbered(found, CONSTANT.finditer(code)):
        value = int(match[1])
        for kind, to in (("one-more", value + 1), ("one-less", value - 1)):
            yield Mutant(header, name, number, kind, "boundary",
                         match.span(1), str(to))


def drop(header, text, found):
    """The second looks of rechecks.py, each found exactly once."""
    for where, function, name, old, new in rechecks.TABLE:
        if where != header:
            continue
        spans = [(s, e) for n, s, e in found if n == function]
        body = text[spans[0][0]:spans[0][1]] if len(spans) == 1 else ""
        if body.count(old) != 1:
            raise SystemExit(f"rechecks.py: {header}: {function}: {name}: the text "
                             f"stands there {body.count(old)} times")
        start = spans[0][0] + body.index(old)
        yield Mutant(header, function, 1, name, "recheck",
                     (start, start + len(old)), new)


def of_header(header, text):
    """Every mutant of a header, in the order of the text."""
    code = DIRECTIVE.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), source.blank(text))
    found = source.functions(code)
    made = [*weaken(header, code, found), *shift(header, code, found),
            *drop(header, text, found)]
    return sorted(made, key=lambda m: m.span)
