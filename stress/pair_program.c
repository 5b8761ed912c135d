/* SPDX-License-Identifier: MIT */
#include "stress/pair_program.h"

#include <stdio.h>

#include "stress/program.h"

static unsigned long long total(const struct pair_account *account,
				enum pair_count what)
{
	/* own: nobody else runs any more */
	return slip_a64_load_relaxed(&account->count[what]);
}

int pair_main(int argc, char **argv, const char *about,
	      const struct pair_ring *ring)
{
	struct pair_account *a;
	uint64_t median_ns;
	uint64_t told;
	char text[400];

	stress_begin(argc, argv, about);
	pair_begin();
	a = stress_shared(sizeof(*a));
	while (stress_more()) {
		uint64_t seed = stress_next_seed();

		pair_run(ring, a, seed);
		pair_describe(text, sizeof(text));
		stress_line(seed, "%s", text);
	}
	median_ns = pair_median_ns(a, &told);
	/* The promise is 10 ms on a machine that is not overcommitted. */
	STRESS_CHECK(median_ns < 500 * STRESS_MS,
		     "half of all deaths took over %llu us to be told",
		     (unsigned long long)median_ns / 1000);
	(void)snprintf(text, sizeof(text), "%s.all", ring->name);
	stress_row(text, "random-kills",
		   "elements=%llu kills=%llu stops=%llu takeovers=%llu",
		   total(a, PAIR_PUSHED), total(a, PAIR_KILLS),
		   total(a, PAIR_STOPS), total(a, PAIR_TAKEOVERS));
	return stress_end("%llu elements, %llu kills, %llu stops, %llu lost, "
			  "%llu again, %llu late, -EPIPE after %llu us "
			  "(median of %llu)",
			  total(a, PAIR_PUSHED), total(a, PAIR_KILLS),
			  total(a, PAIR_STOPS), total(a, PAIR_LOST),
			  total(a, PAIR_AGAIN), total(a, PAIR_LATE),
			  (unsigned long long)median_ns / 1000,
			  (unsigned long long)told);
}
