"""How the operations are instrumented, and how a program with a bug is made."""

load("@rules_cc//cc:defs.bzl", "cc_library", "cc_test")

COMPONENTS = [
    "spsc",
    "record",
    "broadcast",
    "mpmc",
    "priority",
    "event",
    "latest",
    "mutex",
    "cond",
    "meet",
    "peer",
    "pi",
    "region",
    "rwlock",
    "sem",
    "call",
    "lanes",
]

_HEADERS = ["//atomics:headers", "//futex:headers", "//ring:headers"]
_OURS = ["kill.h", "ops.h", "point.h", "ring.h"]
_TEXT = "$(CC) -std=c11 -O2 -fPIE -S"
# Clang remarks on every flag that an assembler has no use for.
_QUIET = ["-Wno-unused-command-line-argument"]
_HOOK = " -mno-red-zone -DKILL_HOOKED"

def _assembly(name, outs, cmd, srcs = [], tools = [], tags = []):
    native.genrule(
        name = name,
        srcs = srcs + _OURS + _HEADERS,
        outs = outs,
        cmd = "set -eu; " + cmd,
        tags = ["evidence"] + tags,
        toolchains = ["@bazel_tools//tools/cpp:current_cc_toolchain"],
        tools = ["instrument"] + tools,
    )

def kill_hooked(name, src):
    """The operations of one file with a point before every instruction."""
    _assembly(
        name = name + "_text",
        srcs = [src],
        outs = [name + ".s"],
        cmd = _TEXT + _HOOK + " -I. -o $@.plain $(location %s); " % src +
              "$(location instrument) <$@.plain >$@; rm $@.plain",
    )
    cc_library(
        name = name,
        srcs = [name + ".s"],
        copts = _QUIET,
        tags = ["evidence"],
        alwayslink = True,
    )

def kill_bug(name, component, args, bug = None):
    """A test that the bug bugs/<bug> in the headers is caught.

    Args:
      name: of the test.
      component: of COMPONENTS; its operations and judges see the bug.
      args: of the program; the last one says what is found.
      bug: the file; `name` unless given.
    """
    bug = bug or name
    parts = {
        "hooked": ("ops_%s.c" % component, _HOOK),
        "plain": ("ops_%s.c" % component, ""),
        "judge": ("%s.c" % component, ""),
    }
    outs = {part: "%s_%s.s" % (name, part) for part in parts}
    cmd = "tree=$$(mktemp -d); trap 'rm -r $$tree' EXIT; "
    cmd += "$(location seed) $(location bugs/%s) $$tree; " % bug
    for part, (src, flags) in parts.items():
        cmd += _TEXT + flags + " -I$$tree -I. -o $$tree/%s $(location %s); " % (
            part,
            src,
        )
    cmd += "$(location instrument) <$$tree/hooked >$(location %s); " % outs["hooked"]
    for part in ["plain", "judge"]:
        cmd += "cp $$tree/%s $(location %s); " % (part, outs[part])
    _assembly(
        name = name + "_text",
        tags = ["seeded"],
        srcs = ["ops_%s.c" % component, component + ".c", "bugs/" + bug],
        outs = outs.values(),
        cmd = cmd,
        tools = ["seed"],
    )
    cc_test(
        name = name,
        size = "small",
        srcs = outs.values(),
        args = args,
        copts = _QUIET,
        tags = ["evidence", "seeded"],
        timeout = "moderate",
        deps = [":core"] + [":" + c for c in COMPONENTS if c != component],
    )
