#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The page and the plots of slipring bench, from a made-up sample. Run in the
# root of the tree with page_main as the argument. What needs gnuplot or
# Chromium is skipped, aloud, where they are not installed.
# shellcheck disable=SC2317 # check calls them
set -u

make=$(realpath "$1")
folder=$(realpath tools/bench/test)
sample=$folder/sample.json
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work" || exit 1
checks=0
failures=0
skipped=0

# check WHAT COMMAND...: passes if the command succeeds.
check() {
	local what=$1
	shift
	checks=$((checks + 1))
	if "$@" >said 2>&1; then
		echo "ok      $what"
		return
	fi
	failures=$((failures + 1))
	echo "FAILED  $what: $*"
	tail -n 20 said
}

skip() {
	skipped=$((skipped + 1))
	echo "skip    $1 is not installed: $2"
}

finish() {
	echo "$checks checks, $failures failed, $skipped skipped"
	[ $failures -eq 0 ]
	exit
}

look() {
	python3 -B "$folder/page_test.py" "$@"
}

fails() {
	! "$@"
}

# --- without gnuplot: numbers but no curves ----------------------------------

mkdir nothing
without() {
	PATH=$work/nothing "$make" "$@" 2>complaint
}
check "a page without gnuplot" without "$sample" bare.html
check "it says what is missing" grep -q "gnuplot is not installed" bare.html
check "and so does the command" grep -q "apt install gnuplot-nox" complaint
check "all else is there" look page bare.html "$sample"
check "no plots without gnuplot" fails without "$sample" bare.html bare
check "which is said" grep -q -- "--plot needs gnuplot" complaint

# --- results that hold nothing, and places that cannot be written ------------

echo '{}' >empty.json
check "a page about nothing" "$make" empty.json empty.html nowhere
check "is a page" look page empty.html <(echo '{"cases": [], "targets": [],
	"crash": [], "slopes": [], "machine": {}, "when": "", "command": ""}')
check "no folder for the page" fails "$make" "$sample" no/such/page.html
: >file
check "a file instead of a folder" fails "$make" "$sample" page.html file

if ! command -v gnuplot >/dev/null; then
	skip gnuplot "curves and plots"
	cp bare.html page.html
else
	aloud() {
		"$make" "$sample" page.html plots 2>complaint
	}
	check "page and plots" aloud
	check "gnuplot complains about nothing" cmp complaint /dev/null
	check "the page is sound and complete" look page page.html "$sample"
	check "it has curves" grep -q '<svg' page.html
	for kind in bars latency scaling timeline; do
		check "plots: $kind" compgen -G "plots/*-$kind.svg"
	done
	for plot in plots/*.svg; do
		python3 -c 'import sys, xml.dom.minidom as m
m.parse(sys.argv[1])' "$plot" || echo "$plot"
	done >unsound 2>&1
	check "every plot is sound" [ ! -s unsound ]
fi

# --- in a browser ------------------------------------------------------------

chromium=$(command -v chromium-headless-shell || command -v chromium ||
	command -v chromium-browser) || {
	skip chromium "widths, schemes, print"
	finish
}

# --no-sandbox: tests run as root, and the page is ours.
browse() {
	timeout 90 "$chromium" --headless=new --no-sandbox --disable-gpu \
		--hide-scrollbars --user-data-dir="$work/profile" \
		--allow-file-access-from-files --enable-logging=stderr \
		"$@" 2>>browser.log
}

for width in 360 1200; do
	look wrap page.html $width >wrap.html
	browse --dump-dom "file://$work/wrap.html" >dom
	check "nothing sticks out at $width px" \
		grep -q "width $width out 0 <" dom
	grep -o "width [0-9]* out [^<]*<" dom
done
for scheme in dark light; do
	value=1
	[ $scheme = light ] || value=0
	browse --blink-settings=preferredColorScheme=$value \
		--window-size=600,900 --screenshot="$work/$scheme.png" \
		"file://$work/page.html"
	check "$scheme: something to see" look png $scheme.png $scheme
done
browse --print-to-pdf="$work/page.pdf" "file://$work/page.html"
check "it prints" grep -aq "^%PDF" page.pdf
check "on more than one sheet" \
	[ "$(grep -ac '/Type */Page\b' page.pdf)" -gt 1 ]
check "no errors on the console" fails grep CONSOLE browser.log
finish
