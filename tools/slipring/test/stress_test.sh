#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# slipring stress: an account that balances, one that does not, usage, and that
# nothing is left behind, whatever ends it.
faulty=$(realpath "$2")
# shellcheck source=tools/slipring/test/lib.sh
. tools/slipring/test/lib.sh || exit 1

# json FILE EXPRESSION: is it true of the document j?
json() {
	python3 -c 'import json, sys
j = json.load(open(sys.argv[1]))
sys.exit(not eval("(" + sys.argv[2] + ")"))' "$1" "$2"
}

# usage WHAT ARGUMENT...: wrong usage, said on stderr with the way to help.
usage() {
	local what=$1
	shift
	check "usage: $what" fails 2 said "$slipring" stress "$@"
	check "usage: $what is explained" grep -q -- "--help" said
}

# Processes that it started, and theirs: those of a session of its own. Dead
# ones may wait for an init that takes its time.
members() {
	ps -o pid=,stat= -s "$1" | awk -v leader="$1" \
		'$1 != leader && $2 !~ /^Z/ { print $1 }'
}

at_work() {
	[ "$(members "$1" | wc -l)" -ge 6 ]
}

nobody_left() {
	[ -z "$(members "$1")" ]
}

# begin: a long torture in a session of its own; its pid in $pid.
begin() {
	start out setsid "$slipring" stress --duration 10m
	check "$1: two pairs at work" until_true 30 at_work "$pid"
}

# --- usage ---
usage "an argument" spsc
usage "unknown ring" --ring spsc,disk
usage "a ring twice" --ring spsc,spsc
usage "bad duration" --duration soon
usage "bad unit" --duration 3y
usage "no pairs" --pairs 0
usage "bad rate" --kill-rate -1
usage "bad CPUs" --pin 0-
usage "a CPU that is not ours" --pin 60000
usage "no such size" --ring spsc --capacity 3
check "--help" fails 0 said "$slipring" stress --help
check "--help says something" grep -q "^Usage: slipring stress" said

# --- it passes ---
check "passes" fails 0 said "$slipring" stress --seconds 2 --seed 7
check "passes: says so, and the seed" \
	grep -qE '^PASSED after 0:00:0[2-9].*, seed 7$' said
check "passes: shows the event mode" grep -q '^  event mode ' said
check "json" fails 0 said.json sh -c "exec '$slipring' stress --json \
	--seconds 2 --kill-rate 200 --stop-rate 100 --pairs 3 2>/dev/null"
check "json: passed" json said.json 'j["verdict"] == "PASSED"'
check "json: every ring" json said.json \
	'{r["ring"] for r in j["rings"]} == {"spsc", "record", "mpmc"}'
check "json: each balances" json said.json \
	'all(r["pushed"] == r["popped"] - r["again"] + r["lost"] > 0
	     for r in j["rings"])'
check "json: each had kills, stops and takeovers" json said.json \
	'all(min(r["kills"], r["stops"], r["takeovers"]) > 0
	     for r in j["rings"])'
check "quiet" fails 0 said sh -c \
	"'$slipring' stress -q -d 1 --ring spsc 2>&1 >/dev/null"
check "quiet: no progress" [ ! -s said ]
check "no kills" fails 0 said.json "$slipring" stress --json -q --seconds 1 \
	--kill-rate 0 --stop-rate 0
check "no kills: none, and nothing is lost" json said.json \
	'all(r["kills"] == r["stops"] == r["lost"] == r["again"] == 0
	     for r in j["rings"])'
check "no time: each ring once" fails 0 said.json \
	"$slipring" stress --json -q --seconds 0 --pairs 1
check "no time: says so" json said.json \
	'all(r["runs"] == 1 for r in j["rings"])'
for how in none same spread "$(taskset -cp $$ | sed 's/.*: //')"; do
	check "pinned: $how" fails 0 said "$slipring" stress -q -d 0.5 \
		--pin "$how" --ring record --elem 64
done

# --- it fails ---
for ring in loses repeats; do
	check "a ring that $ring fails" \
		fails 1 said "$faulty" stress -q --seconds 5 --ring $ring
	check "a ring that $ring: the verdict" grep -q '^FAILED' said
	check "a ring that $ring: the element" \
		grep -q 'element .* is not what was pushed' said
	check "a ring that $ring: the way to repeat it" \
		grep -q "^to repeat .* --ring $ring .* --seed [1-9]" said
done
check "a failure as JSON" fails 1 said.json \
	"$faulty" stress --json -q --seconds 5 --ring loses
check "a failure as JSON: says so" json said.json \
	'j["verdict"] == "FAILED" and "is not what" in j["failure"]'
check "nothing went through" fails 1 said "$faulty" stress -q --seconds 0.1 \
	--ring empty --kill-rate 0 --stop-rate 0
check "nothing went through: said" grep -q 'empty: nothing went' said

# --- it is ended ---
# As by Ctrl-C: to all of the group. The report comes all the same.
begin "Ctrl-C"
kill -INT -- "-$pid"
check "Ctrl-C: dies of it" ended "$pid" 130
check "Ctrl-C: reports" grep -q '^INTERRUPTED after' out
check "Ctrl-C: nobody is left" until_true 20 nobody_left "$pid"
begin "SIGTERM"
kill -TERM "$pid"
check "SIGTERM: dies of it" ended "$pid" 143
check "SIGTERM: reports" grep -q '^INTERRUPTED after' out
check "SIGTERM: nobody is left" until_true 20 nobody_left "$pid"
begin "SIGKILL"
kill -KILL "$pid"
check "SIGKILL: dies of it" ended "$pid" 137
check "SIGKILL: nobody is left" until_true 20 nobody_left "$pid"
# The engine of one pair, by a stranger: the other pair is ended too.
begin "an engine is shot"
kill -KILL "$(ps -o pid= --ppid "$pid" | head -n 1 | tr -d ' ')"
check "an engine is shot: fails" ended "$pid" 1
check "an engine is shot: says so" \
	grep -q '^pair [01] was ended by signal 9, which was not ours$' out
check "an engine is shot: nobody is left" until_true 20 nobody_left "$pid"

finish
