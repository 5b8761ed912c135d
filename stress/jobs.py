# SPDX-License-Identifier: MIT
"""The evidence programs, as stress/report and stress/soak run them, and what
must be among the rows that they print."""

from evidence import ROOT, Job

BIN = "bazel-bin/stress/"
# Whatever is there; that nothing is missing, REQUIRED says.
MODELS = sorted(p.name[:-2] for p in (ROOT / "stress/explore").glob("*_models.c"))
SEEDS = sorted(p.name for p in (ROOT / "stress/explore").glob("*.seeds"))
TIMED = ("spsc_stress", "record_stress", "event_stress", "peer_stress",
         "region_stress", "mpmc_stress", "spsc_threads", "record_threads",
         "event_threads", "mpmc_threads", "mutex_stress", "mutex_threads",
         "rwlock_stress", "rwlock_threads", "sem_stress", "sem_threads",
         "cond_stress", "cond_threads", "meet_threads", "deadlock_threads",
         "waitset_stress", "waitset_threads", "latest_stress",
         "latest_threads", "broadcast_stress", "broadcast_threads",
         "lanes_stress", "lanes_threads", "call_stress", "call_threads",
         "priority_stress", "priority_threads", "chain_stress", "chain_threads")

# name; what Bazel builds before anything runs (what tries other compilers or
# other headers builds for itself); the quick command; the full one, where
# {seconds}, {each} (for one model or target: a part of it) and {seed} are filled
# in; the seconds after which the quick one hangs. What takes long comes first.
JOBS = (
    Job("mutants", "", "stress/mutants/run --quick --brief --jobs 1",
        "stress/mutants/run --brief --jobs 1 --seed {seed}", 900),
    Job("old kernels", "//stress/matrix:refuse", "stress/matrix/old_kernel --quick",
        "stress/matrix/old_kernel", 600),
    *(Job(m, f"//stress/explore:{m}", f"{BIN}explore/{m} --seconds 0.1",
          f"{BIN}explore/{m} --seconds {{each}} --seed {{seed}}", 600)
      for m in MODELS),
    *(Job(s, "", f"stress/explore/seeded --quick {s}",
          f"stress/explore/seeded {s} --seconds {{each}}", 600)
      for s in SEEDS),
    Job("kill", "//stress/kill", f"{BIN}kill/kill",
        f"{BIN}kill/kill --cases 2000 --seconds {{seconds}} --seed {{seed}}", 600),
    Job("fuzz", "", "stress/hostile/fuzz --jobs 1 --seconds 1",
        "stress/hostile/fuzz --jobs 1 --seconds {each} --seed {seed}", 600),
    *(Job(h, f"//stress/hostile:{h}", f"{BIN}hostile/{h} --seconds 12",
          f"{BIN}hostile/{h} --seconds {{seconds}} --seed {{seed}}", 300)
      for h in ("hostile", "hostile_bare")),
    Job("coverage", "", "stress/matrix/coverage", "stress/matrix/coverage", 600),
    Job("slipring stress", "//tools:slipring",
        "bazel-bin/tools/slipring stress --json --quiet --seconds 12",
        "bazel-bin/tools/slipring stress --json --quiet --seconds {seconds} "
        "--seed {seed}", 300),
    *(Job(name, f"//stress:{name}", f"{BIN}{name} --seconds 2",
          f"{BIN}{name} --seconds {{seconds}} --seed {{seed}}", 120)
      for name in TIMED),
    Job("ordering", "", "tools/check/ordering", "tools/check/ordering", 120),
)

# What soak --executions does, again and again: so many random executions of each
# model under each memory. The depth-first walk leaves no time for them.
RANDOM = tuple(
    Job(f"{m} at random", f"//stress/explore:{m}", "",
        f"{BIN}explore/{m} --strategy random --executions 20000 --seconds 3600 "
        "--seed {seed}", 600)
    for m in MODELS if m.startswith("mpmc"))

# By component: that of spsc.push, and of ring/spsc_pvt.h; so "robust" is mutex and
# semaphore, and "sem" the sets too. What the folders and
# the kernels show stands under their own names.
HEADER = {"mutants", "coverage"}
EXPLORED = {"explore-rc11", "explore-tso"}
KILLED = {"kill-snapshot", "kill-real", "stop-real", "kill-step"}
HOSTILE = {"hostile", "fuzz"}
ALL = HEADER | EXPLORED | KILLED | HOSTILE | {"seeded-bugs"}
# Mutants: stress/mutants/pending.
YOUNG = ALL - {"mutants"} | {"random-kills", "threads"}
RING = ALL | {"random-kills", "threads", "slipring-stress"}
REQUIRED = {
    "spsc": RING,
    "record": RING,
    "mpmc": RING,
    "latest": ALL | {"random-kills", "threads"},
    "priority": YOUNG,
    "call": YOUNG,
    "lanes": YOUNG,
    "broadcast": YOUNG,
    # In one process: there is nobody to kill or to lie. Mutants: pending.
    "chain": {"coverage", "threads"} | EXPLORED | {"seeded-bugs"},
    "directory": {"coverage"} | EXPLORED | {"seeded-bugs"},
    "role": ALL,
    "event": ALL | {"random-kills", "threads"},
    "wait": HEADER,
    "mutex": ALL | {"random-kills", "threads"},
    "deadlock": ALL | {"threads"},
    "pi": ALL,
    "rwlock": ALL | {"random-kills", "threads"},
    "sem": ALL | {"threads"},
    "robust": ALL | {"random-kills", "threads"},
    "cond": ALL | {"random-kills", "threads"},
    "flag": ALL,
    "once": ALL,
    "barrier": ALL | {"threads"},
    "latch": EXPLORED | KILLED | HOSTILE | {"mutants", "coverage"},
    "waitset": ALL | {"random-kills", "threads"},
    "bridge": HEADER | EXPLORED | HOSTILE | {"seeded-bugs"},
    "region": ALL | {"random-kills"},
    "peer": ALL | {"random-kills"},
    "atomics": {"ordering"},
    "futex": {"ordering"},
    "ring": {"ordering"},
    "linux-4": {"old-kernel"},
    "container": {"old-kernel"},
}
