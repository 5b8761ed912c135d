"""How this project builds its own C and C++: SLIP_COPTS, SLIP_CXXOPTS and the
test rules."""

load("@rules_cc//cc:defs.bzl", "cc_library", "cc_test")
load(
    ":copts.bzl",
    "CLANG_ONLY",
    "COMMON",
    "CXX_ONLY",
    "C_ONLY",
    "GCC_ONLY",
)

# Criterion finds its tests by section, which the linker would drop as unused.
_CRITERION = ["-lcriterion", "-Wl,--no-gc-sections"]

_COMPILER = select({
    "//tools/rules:gcc": GCC_ONLY,
    "//tools/rules:clang": CLANG_ONLY,
    "//conditions:default": [],
})

SLIP_COPTS = ["-std=c11"] + COMMON + C_ONLY + _COMPILER
SLIP_CXXOPTS = ["-std=c++11"] + COMMON + CXX_ONLY + _COMPILER

def slip_test(
        name,
        srcs = None,
        cxx_srcs = [],
        deps = [],
        plain = True,
        tsan = True,
        copts = [],
        linkopts = [],
        tags = [],
        **kwargs):
    """A Criterion test and its twin <name>_plain, tagged twin; and plain, tsan.

    Args:
      name: test/<name>.c is the source unless srcs says otherwise.
      srcs: C sources; the test/*.h of the package come with them.
      cxx_srcs: C++ sources, compiled with the C++ warnings.
      deps: libraries under test.
      plain: False where the twin makes no sense.
      tsan: False where ThreadSanitizer cannot run the twin.
      copts: added to SLIP_COPTS.
      linkopts: added to the threads library.
      tags: added to both.
      **kwargs: passed to both cc_test rules (size, data, ...).
    """
    deps = deps + ["//atomics:check"]
    shared = native.glob(["test/*.h"])
    if cxx_srcs:
        cc_library(
            name = name + "_cxx_half",
            testonly = True,
            srcs = cxx_srcs + shared,
            copts = SLIP_CXXOPTS,
            deps = deps,
        )
        deps = deps + [":" + name + "_cxx_half"]
    srcs = (srcs or ["test/%s.c" % name]) + shared
    size = kwargs.pop("size", "small")

    # A busy machine under a sanitizer is slow, not stuck.
    kwargs.setdefault("timeout", "moderate")
    cc_test(
        name = name,
        size = size,
        srcs = srcs,
        copts = SLIP_COPTS + copts,
        linkopts = linkopts + _CRITERION + ["-pthread"],
        tags = tags + (["twin"] if plain else []),
        deps = deps,
        **kwargs
    )
    if plain:
        cc_test(
            name = name + "_plain",
            size = size,
            srcs = srcs,
            copts = SLIP_COPTS + copts,
            linkopts = linkopts + ["-pthread"],
            local_defines = ["SLIP_TEST_PLAIN"],
            tags = tags + ["plain"] + (["tsan"] if tsan else []),
            deps = deps,
            **kwargs
        )

def slip_tests(deps, special = {}):
    """One slip_test for every test/*_test.c of the package.

    Args:
      deps: libraries under test.
      special: by test name, further arguments of its slip_test.
    """
    for src in native.glob(["test/*_test.c"]):
        name = src[len("test/"):-len(".c")]
        own = dict(special.get(name, {}))
        slip_test(
            name = name,
            deps = deps + own.pop("deps", []),
            **own
        )
