/* SPDX-License-Identifier: MIT */
/*
 * Rings that are wrong, in place of pair_rings.c: does the account notice? For
 * the tests of the engine only.
 */
#include "stress/pair.h"

#define FROM 5000 /* for so many elements all is well */

/* Says that it took one more than it did. */
static int put_and_lose(struct pair_self *self, uint32_t n)
{
	int rc = pair_spsc.put(self, n);

	return rc > 0 && self->next > FROM ? rc + 1 : rc;
}

/* Takes one twice. */
static int put_twice(struct pair_self *self, uint32_t n)
{
	if (self->next > FROM)
		(void)pair_spsc.put(self, 1);
	return pair_spsc.put(self, n);
}

/* All is accounted for where there is nothing. */
static int put_nothing(struct pair_self *self, uint32_t n)
{
	(void)self;
	(void)n;
	return 0;
}

/* Larger elements tell more: in a byte, 256 is 0. */
static void choose(struct pair_config *config, uint64_t *random)
{
	pair_spsc.choose(config, random);
	config->elem_bytes = 56;
	config->first = 0;
	config->age = 0;
}

static struct pair_ring loses, repeats, empty;

const struct pair_ring *const pair_rings[] = { &loses, &repeats, &empty };
const size_t pair_rings_number = sizeof(pair_rings) / sizeof(pair_rings[0]);

__attribute__((constructor)) static void make_faulty(void)
{
	loses = pair_spsc;
	loses.name = "loses";
	loses.choose = choose;
	loses.put = put_and_lose;
	repeats = loses;
	repeats.name = "repeats";
	repeats.put = put_twice;
	empty = loses;
	empty.name = "empty";
	empty.put = put_nothing;
}
