"""The one list of warnings, for our own targets only: users choose theirs.

tools/check/headers and tools/check/aarch64 read this file too. It is valid
Python as well as Starlark for that reason.
"""

COMMON = [
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wconversion",
    "-Wsign-conversion",
    "-Wshadow",
    "-Wcast-qual",
    "-Wcast-align",
    "-Wpointer-arith",
    "-Wvla",
    "-Wundef",
    "-Wwrite-strings",
    "-Wformat=2",
    "-Wimplicit-fallthrough",
    "-Wnull-dereference",
    "-Werror",
]

C_ONLY = [
    "-Wstrict-prototypes",
    "-Wmissing-prototypes",
]

CXX_ONLY = [
    "-Wold-style-cast",
]

GCC_ONLY = [
    "-Wlogical-op",
    "-Wduplicated-cond",
    "-Wduplicated-branches",
    "-Wcast-align=strict",
]

CLANG_ONLY = [
    "-Wshorten-64-to-32",
    "-Wextra-semi-stmt",
    "-Wdocumentation",
    "-Watomic-alignment",
    "-Wcomma",
    "-Wunreachable-code",
]

# For headers only: C files are not compiled as C++, and tests and tools may
# keep buffers on the stack.
HEADERS_C_ONLY = ["-Wc++-compat"]

# At -O0 an always-inline step keeps a place for each of its values in each of
# its callers: 850 bytes in the longest, slip_mpmc_push. At -O2 none needs 512.
HEADERS_GCC_ONLY = ["-Wstack-usage=1024"]
