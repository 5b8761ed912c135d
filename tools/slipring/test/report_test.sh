#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# slipring ls, stat, rm, gc, doctor; and what every command says to wrong usage
# and to files that are not what they seem.
# shellcheck source=tools/slipring/test/lib.sh
. tools/slipring/test/lib.sh || exit 1

# json FILE EXPRESSION: is it true of the document j?
json() {
	python3 -c 'import json, sys
j = json.load(open(sys.argv[1]))
sys.exit(not eval("(" + sys.argv[2] + ")"))' "$1" "$2"
}

# row REGION STATE: does ls show it so?
row() {
	"$slipring" ls | grep -q "^$1 .* $2\$"
}

# usage WHAT ARGUMENT...: wrong usage, said on stderr with the way to help.
usage() {
	local what=$1
	shift
	check "usage: $what" fails 2 said "$slipring" "$@"
	check "usage: $what is explained" grep -q -- "--help" said
}

# patched REGION OFFSET BYTES: a copy of the sound region with other bytes.
patched() {
	cp "/dev/shm/slip.$name" "/dev/shm/slip.$1"
	printf '%b' "$3" | dd of="/dev/shm/slip.$1" bs=1 seek="$2" \
		conv=notrunc status=none
}

# --- usage ---
usage "no command"
usage "unknown command" shout
usage "unknown option" ls --shout
usage "no name" send
usage "two names" stat one two
usage "bad capacity" send --capacity much "$name"
usage "capacity too small" send --capacity 1 "$name"
usage "bad mode" recv --mode 0999 "$name"
usage "bad timeout" recv --timeout soon "$name"
for command in demo send recv ls stat rm gc doctor stress; do
	check "$command --help" fails 0 said "$slipring" $command --help
	check "$command --help says something" grep -q "^Usage: slipring $command" said
done
check "--version" fails 0 said "$slipring" --version

# --- doctor ---
check "doctor finds this machine fit" fails 0 said "$slipring" doctor
check "doctor --json" fails 0 said.json "$slipring" doctor --json
check "doctor --json says so too" json said.json \
	'j["usable"] and {"ok"} == {c["grade"] for c in j["checks"]
	 if c["check"].startswith("death in")}'
# Nothing runs beside us on one processor, so no time is said for that.
one_processor() {
	python3 -c 'import os, sys
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
os.execv(sys.argv[1], sys.argv[1:])' "$@"
}
check "doctor on one processor" eval \
	'one_processor "$slipring" doctor >said'
check "doctor on one processor measures no peer" eval \
	'! grep "^. membarrier.*beside" said'
check "doctor --json: each lack has a cost" json said.json \
	'all("cost" in c for c in j["checks"] if c["grade"] in ("lack", "fatal"))'

# --- a region at work ---
mkfifo more
exec 9<>more
start sent "$slipring" send --capacity 64k "$name" <more
sender=$pid
check "a sender" attached "$name" producer
start out "$slipring" recv "$name"
receiver=$pid
printf 'hello' >&9
check "a pair at work" until_true 20 [ -s out ]
check "ls shows it in use" row "$name" "in use"
check "ls --json" fails 0 said.json "$slipring" ls --json
check "ls --json shows two peers alive" json said.json \
	"[(r['objects'], r['alive'], r['dead'], r['mode'], r['in_use'])
	  for r in j if r['name'] == '$name'] == [(1, 2, 0, '0600', True)]"
check "stat" fails 0 said "$slipring" stat "$name"
check "stat names the producer" \
	grep -q "producer *held, peer 1 (pid $sender, $comm)" said
check "stat --json" fails 0 said.json "$slipring" stat --json "$name"
check "stat --json: the ring" json said.json \
	"[(o['name'], o['ring']['kind'], o['ring']['capacity'])
	  for o in j['objects']] == [('stream', 'record', 65536)]"
check "stat --json: the counters" json said.json \
	"[(o['ring']['fill'], o['ring']['pushed'], o['ring']['popped'])
	  for o in j['objects']] == [(0, 16, 16)]"
check "stat --json: both sides" json said.json \
	"[(o['ring'][s]['state'], o['ring'][s]['pid'])
	  for o in j['objects'] for s in ('producer', 'consumer')] ==
	 [('held', $sender), ('held', $receiver)]"
check "stat --json: the peers" json said.json \
	"sorted((p['pid'], p['alive'], p['command']) for p in j['peers']) ==
	 sorted([($sender, True, '$comm'), ($receiver, True, '$comm')])"
check "rm refuses" fails 1 said "$slipring" rm "$name"
check "rm says why" grep -q "rm: $name: not removed: 2 of its peers are alive" said
# Never without --dry-run here: other tests have their dead in /dev/shm too.
check "gc would keep it" fails 0 said "$slipring" gc --dry-run
check "gc says why" grep -q "^kept *$name (.*): 2 of its peers are alive" said
check "it is still there" [ -e "/dev/shm/slip.$name" ]

# --- the dead ---
# Stopped, neither can notice the other's death, and leave.
kill -STOP "$sender" "$receiver"
kill -KILL "$sender" "$receiver"
ended "$sender" 137
ended "$receiver" 137
check "ls shows it unused" row "$name" "unused"
check "ls --json shows two peers dead" eval '"$slipring" ls --json >said.json &&
	json said.json "[(r[\"alive\"], r[\"dead\"], r[\"in_use\"])
		for r in j if r[\"name\"] == \"$name\"] == [(0, 2, False)]"'
check "stat shows the dead" eval '"$slipring" stat $name |
	grep -q "producer *dead, peer 1 (pid $sender, $comm)"'

# --- what is not what it seems (made while we have a sound one) ---
echo "shopping list" >"/dev/shm/slip.$name-foreign"
: >"/dev/shm/slip.$name-empty"
head -c 20000 "/dev/shm/slip.$name" >"/dev/shm/slip.$name-cut"
patched "$name-version" 12 '\x63'
patched "$name-order" 0 '\x6e\x6f\x69\x67\x65\x72\xa7\xf5'
patched "$name-size" 24 '\xff\xff\xff\xff\xff\xff\xff\x7f'
patched "$name-ring" 24576 '\xff\xff\xff\xff'
mkdir "/dev/shm/slip.$name-dir"
ln -s "slip.$name" "/dev/shm/slip.$name-link"

# spoilt WHAT STATE CAUSE COMMAND...: each of the commands fails, saying why.
spoilt() {
	local what=$1 state=$2 cause=$3 command
	shift 3
	check "$what: ls says '$state'" row "$name-$what" "$state"
	for command; do
		check "$what: $command fails" \
			fails 1 said "$slipring" "$command" "$name-$what"
		check "$what: $command says why" grep -q \
			"slipring $command: $name-$what: .*$cause" said
	done </dev/null
}

spoilt foreign foreign "not a slipring region" stat rm send recv
spoilt empty foreign "not a slipring region" stat rm send recv
spoilt version "other version" "another version" stat rm send recv
spoilt order "other byte order" "another byte order" stat rm send recv
# These are ours, if spoilt: rm takes them.
spoilt cut truncated "truncated" stat send recv
spoilt size damaged "contradicts itself" stat send recv
check "rm removes what was truncated" "$slipring" rm "$name-cut"
check "rm removes what is damaged" "$slipring" rm "$name-size"
for what in dir link; do
	check "$what: ls does not show it" \
		eval '! "$slipring" ls | grep -q "^$name-$what "'
	check "$what: recv fails" fails 1 said "$slipring" recv "$name-$what"
	check "$what: stat fails" fails 1 said "$slipring" stat "$name-$what"
done
check "a damaged ring: stat says so" eval '"$slipring" stat "$name-ring" |
	grep -q "^ .*\(damaged\|not a\)"'
check "a damaged ring: recv fails" fails 1 said "$slipring" recv "$name-ring"
check "no such region: stat fails" fails 1 said "$slipring" stat "$name-no"
check "no such region: stat says why" \
	grep -q "stat: $name-no: no such region" said
check "no such region: rm fails" fails 1 said "$slipring" rm "$name-no"
check "no such directory: ls fails" fails 1 said "$slipring" ls --dir "$work/no"
check "ls --json with all that" eval '"$slipring" ls --json >said.json'
check "ls --json: errors are in words" json said.json \
	"[r['error'] for r in j if r['name'] == '$name-foreign'] ==
	 ['this is not a slipring region']"

# --- permissions ---
as_nobody=()
[ "$(id -u)" -ne 0 ] ||
	as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
chmod 755 "$work"
install -m 755 "$slipring" "$work/slipring"
[ "$(id -u)" -eq 0 ] || chmod 000 "/dev/shm/slip.$name"
check "no permission: recv fails" fails 1 said "${as_nobody[@]}" ./slipring recv "$name"
check "no permission: recv says why" \
	grep -q "recv: $name: the permissions do not allow it" said
check "no permission: ls says so" eval '"${as_nobody[@]}" ./slipring ls |
	grep -q "^$name .* no permission$"'
check "no permission: gc leaves it" eval '"${as_nobody[@]}" ./slipring gc --dry-run |
	grep -q "^kept *$name (.*): the permissions"'
[ "$(id -u)" -eq 0 ] || chmod 600 "/dev/shm/slip.$name"

# --- sweeping, in a directory of our own; what is there is copies ---
mkdir sweep
cp "/dev/shm/slip.$name" sweep/slip.dead
cp "/dev/shm/slip.$name-foreign" sweep/slip.foreign
cp "/dev/shm/slip.$name" sweep/slip.tmp.0123456789abcdef
start sent "$slipring" send "$work/sweep/live" <more
sender=$pid
check "a sender at a path" attached "$work/sweep/live" producer
check "ls --dir shows all four" eval \
	'[ "$("$slipring" ls --dir sweep --json | grep -c "\"name\"")" = 4 ]'
check "gc --dry-run --json" eval \
	'"$slipring" gc --dir "$work/sweep" --dry-run --json >said.json'
verdicts="{r['name'].split('/')[-1]: r['removable'] for r in j} ==
	{'slip.dead': True, 'slip.foreign': False, 'live': False,
	 'slip.tmp.0123456789abcdef': True}"
check "gc --dry-run --json: the verdicts" json said.json "$verdicts"
check "gc --dry-run removes nothing" [ "$(ls sweep | wc -l)" = 4 ]
check "gc --json" eval \
	'"$slipring" gc --dir "$work/sweep" --json >said.json'
check "gc --json: the same verdicts" json said.json "$verdicts"
check "gc removes the dead, and only those" \
	[ "$(ls sweep | xargs)" = "live slip.foreign" ]
check "rm --force removes the living" \
	"$slipring" rm --force "$work/sweep/live"
check "rm --force spares a foreign file at a path" \
	fails 1 said "$slipring" rm --force "$work/sweep/slip.foreign"
kill -KILL "$sender"

# --- removing ---
check "rm removes the dead" "$slipring" rm "$name"
for what in foreign empty version order ring; do
	check "rm --force removes: $what" "$slipring" rm --force "$name-$what"
done
rmdir "/dev/shm/slip.$name-dir"
rm "/dev/shm/slip.$name-link"

finish
