# SPDX-License-Identifier: MIT
"""RC11 by its axioms, for `compare`: all executions of a small program.

Lahav et al., "Repairing sequential consistency in C/C++11", PLDI 2017, with the
release sequences of C++20. An event is (kind, word, value, register, order,
thread), kind being W, R, U (read-modify-write) or F; a relation over events is
a list of bit masks.
"""

import functools
import itertools

ACQUIRES = ("ACQUIRE", "ACQ_REL", "SEQ_CST")
RELEASES = ("RELEASE", "ACQ_REL", "SEQ_CST")
KINDS = {"st": "W", "ld": "R", "xchg": "U", "fence": "F"}


def bits(mask):
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def join(*relations):
    return [functools.reduce(int.__or__, row) for row in zip(*relations)]


def then(first, second):
    return [functools.reduce(int.__or__, (second[j] for j in bits(row)), 0) for row in first]


def closure(relation):
    out = relation[:]
    for k in range(len(out)):
        for i, row in enumerate(out):
            if row >> k & 1:
                out[i] = row | out[k]
    return out


def irreflexive(relation):
    return not any(row >> i & 1 for i, row in enumerate(relation))


class Graphs:
    """The executions of one program."""

    def __init__(self, words, program):
        self.events = [("W", w, 0, -1, "RELAXED", -1) for w in words]
        for thread, ops in enumerate(program):
            for kind, word, value, register, order in ops:
                word = None if kind == "fence" else word
                self.events.append((KINDS[kind], word, value, register, order, thread))
        self.n = range(len(self.events))
        self.same = [1 << i for i in self.n]
        self.sb = self.relation(
            lambda a, b, i, j: (a[5] == -1 < b[5]) or (a[5] == b[5] >= 0 and i < j)
        )
        self.local = self.relation(lambda a, b, i, j: a[1] and a[1] == b[1])
        self.writes = [self.which(lambda e, w=w: e[0] in "WU" and e[1] == w) for w in words]
        self.reads = self.which(lambda e: e[0] in "RU")

    def relation(self, holds):
        e = self.events
        return [sum(1 << j for j in self.n if holds(e[i], e[j], i, j)) for i in self.n]

    def which(self, holds):
        return [i for i in self.n if holds(self.events[i])]

    def only(self, holds):
        """The identity on some events."""
        return [1 << i if holds(self.events[i]) else 0 for i in self.n]

    def happens_before(self, rf):
        release_write = self.only(lambda e: e[0] in "WU" and e[4] in RELEASES)
        release_fence = self.only(lambda e: e[0] == "F" and e[4] in RELEASES)
        acquire_read = self.only(lambda e: e[0] in "RU" and e[4] in ACQUIRES)
        acquire_fence = self.only(lambda e: e[0] == "F" and e[4] in ACQUIRES)
        write = self.only(lambda e: e[0] in "WU")
        update = self.only(lambda e: e[0] == "U")
        heads = join(release_write, then(then(release_fence, self.sb), write))
        sequence = join(self.same, closure(then(rf, update)))
        tails = join(acquire_read, then(self.sb, acquire_fence))
        return closure(join(self.sb, then(then(then(heads, sequence), rf), tails)))

    def psc(self, hb, mo, fr, eco):
        """The order that seq_cst events must not contradict."""
        access = self.only(lambda e: e[0] != "F" and e[4] == "SEQ_CST")
        fence = self.only(lambda e: e[0] == "F" and e[4] == "SEQ_CST")
        maybe = join(self.same, hb)
        away = [a & ~b for a, b in zip(self.sb, self.local)]
        here = [a & b for a, b in zip(hb, self.local)]
        scb = join(self.sb, then(then(away, hb), away), here, mo, fr)
        base = then(then(join(access, then(fence, maybe)), scb), join(access, then(maybe, fence)))
        between = join(hb, then(then(hb, eco), hb))
        return join(base, then(then(fence, between), fence))

    def orders(self):
        """Every modification order: (relation, last write of each word)."""
        tails = [itertools.permutations(w[1:]) for w in self.writes]
        for choice in itertools.product(*tails):
            mo = [0] * len(self.events)
            last = []
            for writes, tail in zip(self.writes, choice):
                line = [writes[0], *tail]
                for i, j in itertools.combinations(line, 2):
                    mo[i] |= 1 << j
                last.append(line[-1])
            yield mo, last

    def consistent(self):
        """(source of each read, last write of each word, in order?) of all
        consistent executions; in order: some execution order agrees with
        modification orders and that of seq_cst events."""
        updates = [i for i in self.n if self.events[i][0] == "U"]
        words = {self.events[w[0]][1]: w for w in self.writes}
        choices = [[w for w in words[self.events[r][1]] if w != r] for r in self.reads]
        for sources in itertools.product(*choices):
            source = dict(zip(self.reads, sources))
            rf = [sum(1 << r for r in self.reads if source[r] == w) for w in self.n]
            hb = self.happens_before(rf)
            if not (irreflexive(closure(join(self.sb, rf))) and irreflexive(hb)):
                continue
            for mo, last in self.orders():
                fr = [mo[source[i]] & ~(1 << i) if i in source else 0 for i in self.n]
                eco = closure(join(rf, mo, fr))
                torn = then(fr, mo)
                psc = closure(self.psc(hb, mo, fr, eco))
                if (
                    irreflexive(then(hb, join(self.same, eco)))
                    and not any(torn[u] >> u & 1 for u in updates)
                    and irreflexive(psc)
                ):
                    yield source, last, irreflexive(closure(join(self.sb, rf, mo, psc)))


def states(words, program, registers, unset):
    """(all final states, those that the explorer must see)."""
    every, in_order = set(), set()
    graphs = Graphs(words, program)
    for source, last, agrees in graphs.consistent():
        values = [unset] * registers
        for read, write in source.items():
            values[graphs.events[read][3]] = graphs.events[write][2]
        values += [graphs.events[w][2] for w in last]
        state = int.from_bytes(bytes(values), "big") % 2**64
        every.add(state)
        if agrees:
            in_order.add(state)
    return every, in_order
