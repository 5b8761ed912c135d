# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# For the end-to-end tests. Each is run in the root of the tree, with a slipring
# binary as its argument, and sources this.
#
# A test calls check "what it shows" COMMAND..., and ends with finish. No step
# sleeps for a fixed time to be right: each waits for a condition, with a bound
# that only a broken program reaches.
set -u

slipring=$(realpath "$1")
comm=$(basename "$slipring") # as the kernel calls it
comm=${comm:0:15}
name=test-$$ # every region of this test begins so
work=$(mktemp -d)
children=()
checks=0
failures=0

cleanup() {
	local pid
	# Ours may be stopped, which a SIGKILL does not mind.
	for pid in "${children[@]}"; do
		kill -KILL "$pid" 2>/dev/null
	done
	wait 2>/dev/null
	rm -f "/dev/shm/slip.$name"*
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM
cd "$work" || exit 1

# check WHAT COMMAND...: passes if the command succeeds.
check() {
	local what=$1
	shift
	checks=$((checks + 1))
	if "$@"; then
		echo "ok      $what"
		return
	fi
	failures=$((failures + 1))
	echo "FAILED  $what: $*"
	# What the processes said is usually the answer.
	tail -n 3 ./*.err 2>/dev/null
	tail -n 20 said 2>/dev/null
}

# start FILE COMMAND...: in the background; its stdout goes to FILE, its stderr
# to FILE.err, its pid into $pid. Standard input is the caller's; descriptor 9,
# by which a test holds a pipe open, is not handed on.
start() {
	local file=$1
	shift
	# Emptied now, not when the child comes to it: nobody reads what an
	# earlier one wrote.
	: >"$file" >"$file.err"
	"$@" <&0 >"$file" 2>"$file.err" 9>&- &
	pid=$!
	children+=("$pid")
}

# Is it no more than a zombie?
over() {
	! grep -qs '^State:[[:space:]]*[^ZX]' "/proc/$1/status"
}

# ended PID STATUS: waits for it, and compares its exit status.
ended() {
	local status=0
	until_true 60 over "$1" || {
		echo "still running"
		return 1
	}
	wait "$1" 2>/dev/null || status=$?
	[ "$status" -eq "$2" ] || {
		echo "exit status $status instead of $2"
		return 1
	}
}

# until_true SECONDS COMMAND...
until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.01
	done
}

# fails STATUS FILE COMMAND...: it exits so; what it said goes to FILE.
fails() {
	local want=$1 file=$2 status=0
	shift 2
	timeout 60 "$@" >"$file" 2>&1 || status=$?
	[ "$status" -eq "$want" ] && return
	echo "exit status $status instead of $want"
	return 1
}

# role REGION SIDE STATE: SIDE is producer or consumer.
role() {
	"$slipring" stat "$1" | grep -q "^ *$2 *$3"
}

# attached REGION SIDE: waits for somebody in that role.
attached() {
	until_true 20 role "$1" "$2" held
}

# pair REGION FILE [OPTION...]: sends FILE in one process and receives it in
# another; true if all was well and the same came out.
pair() {
	local region=$1 file=$2 receiver
	shift 2
	start pair.out "$slipring" recv "$region"
	receiver=$pid
	start pair.sent "$slipring" send "$@" "$region" <"$file"
	ended "$pid" 0 && ended "$receiver" 0 && cmp pair.out "$file"
}

# holding PROGRAM INDEX: from here on users are $holder ($as to the kernel), on
# $region, and r in expressions is its object INDEX. For what follows.
holding() {
	holder=$(realpath "$OLDPWD/$1")
	as=$(basename "$holder")
	as=${as:0:15}
	object=$2
	mkdir sweep
	region=$work/sweep/live
}

# json FILE EXPRESSION: is it true of the document j, and of its ring r?
json() {
	python3 -c 'import json, sys
j = json.load(open(sys.argv[1]))
at = int(sys.argv[3])
r = j["objects"][at].get("ring") if isinstance(j, dict) else None
sys.exit(not eval("(" + sys.argv[2] + ")"))' "$1" "$2" "$object"
}

# stat_json EXPRESSION: is it true of what stat says now?
stat_json() {
	"$slipring" stat --json "$region" >said.json && json said.json "$1"
}

# shows PATTERN: does stat say so?
shows() {
	"$slipring" stat "$region" >said && grep -q "$1" said
}

# holds FILE STEP...: a user that has done these things; its pid is in $pid.
holds() {
	local file=$1
	shift
	start "$file" "$holder" "$region" "$@"
	until_true 20 grep -q here "$file"
}

milliseconds() {
	echo $(($(date +%s%N) / 1000000))
}

finish() {
	check "no region is left" [ -z "$(find /dev/shm -name "slip.$name*")" ]
	echo "$checks checks, $failures failed"
	[ $failures -eq 0 ]
	exit
}
