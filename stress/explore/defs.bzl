"""Programs of models for the schedule explorer."""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library", "cc_test")
load("//tools/rules:defs.bzl", "SLIP_COPTS")

# As in the script `build`. Instrumented as for ThreadSanitizer, but without
# its runtime; the headers shall not know.
EXPLORE_COPTS = SLIP_COPTS + [
    "-O2",
    "-g",
    "-fsanitize=thread",
    "-U__SANITIZE_THREAD__",
    "-U_FORTIFY_SOURCE",
    "-DSLIP_PAUSE_HOOK=x_pause",
    "-DSLIP_COPY_HOOK=x_copy",
    "-DSLIP_SYS_HOOK=x_sys",
    "-DSLIP_NOW_HOOK=x_now",
    "-DSLIP_FENCE_PORTABLE=x_portable",
] + select({
    "//tools/rules:gcc": [
        # Explored, so modelled; and no copy expanded behind our back.
        "-Wno-tsan",
        "-mstringop-strategy=libcall",
    ],
    "//conditions:default": [],
})

def explorer_program(name, srcs = None, deps = [], test_args = None, **kwargs):
    """A binary with models, and a test that runs them for a moment.

    Args:
      name: <name>.c is the source unless srcs says otherwise.
      srcs: C sources with the models and main().
      deps: libraries, most often one of headers.
      test_args: arguments of the test <name>_test; None: no such test.
      **kwargs: for the test (size, timeout, ...).
    """
    cc_library(
        name = name + "_lib",
        testonly = True,
        srcs = srcs or [name + ".c"],
        copts = EXPLORE_COPTS,
        linkstatic = True,
        tags = ["evidence"],
        deps = deps + ["//stress/explore:runtime"],
        alwayslink = True,
    )
    cc_binary(
        name = name,
        testonly = True,
        tags = ["evidence"],
        deps = [":" + name + "_lib"],
    )
    if test_args != None:
        kwargs.setdefault("size", "small")
        kwargs.setdefault("timeout", "moderate")
        cc_test(
            name = name + "_test",
            args = test_args,
            linkstatic = True,
            # stress/report runs the models by itself.
            tags = ["evidence"] + (["reported"] if name.endswith("_models") else []),
            deps = [":" + name + "_lib"],
            **kwargs
        )
