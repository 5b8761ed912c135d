/* SPDX-License-Identifier: MIT */
/* ring/mpmc.h between processes that are killed; see crowd.h. */
#include <stdio.h>

#include "stress/crowd.h"
#include "stress/program.h"

int main(int argc, char **argv)
{
	const struct crowd_totals *all = crowd_totals();
	char text[400];

	stress_begin(argc, argv,
		     "ring/mpmc.h between processes that are killed");
	while (stress_more()) {
		uint64_t seed = stress_next_seed();

		crowd_run(NULL, seed);
		crowd_describe(text, sizeof(text));
		stress_line(seed, "%s", text);
	}
	stress_row("mpmc.all", "random-kills",
		   "elements=%llu kills=%llu stops=%llu returned=%llu",
		   llu(all->r.pushed), llu(all->kills), llu(all->stops),
		   llu(all->r.returned));
	return stress_end(
		"%llu kills, %llu stops, %llu leaves; %llu elements pushed "
		"(%llu by pushes that were killed, which came to nothing for "
		"%llu), %llu popped, %llu lost with those that were killed in "
		"pop (of at most %llu); %llu returned, %llu delivered again "
		"(%llu killed in ack); %llu ordered by the clock",
		llu(all->kills), llu(all->stops), llu(all->leaves),
		llu(all->r.pushed), llu(all->r.late), llu(all->r.never),
		llu(all->r.popped), llu(all->r.lost), llu(all->lost_most),
		llu(all->r.returned), llu(all->r.again), llu(all->unsure),
		llu(all->r.ordered));
}
