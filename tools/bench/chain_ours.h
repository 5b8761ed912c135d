/* SPDX-License-Identifier: MIT */
/* The suite's queue on ring/chain.h; each file that includes it says how liburcu is
 * had. */
#ifndef SLIP_TOOLS_BENCH_CHAIN_OURS_H
#define SLIP_TOOLS_BENCH_CHAIN_OURS_H

#include "ring/chain.h"
#include "tools/bench/chain_window.h"

struct chain_wide {
	uint64_t word[MPMC_WORDS];
};

SLIP_CHAIN_DEFINE(chain_words, uint64_t);
SLIP_CHAIN_DEFINE(chain_wides, struct chain_wide);

/* The chain is of the process whose threads use it, a child of the one that makes
 * and destroys it. */
struct chain_memory {
	struct chain_window window;
	struct slip_chain *chain;
};

static size_t chain_bytes(const struct mpmc_shape *shape)
{
	(void)shape;
	return sizeof(struct chain_memory);
}

static int chain_make(void *mem, const struct mpmc_shape *shape)
{
	struct chain_memory *m = SLIP_CAST(struct chain_memory *, mem);

	m->chain = SLIP_CAST(struct slip_chain *,
			     aligned_alloc(128, sizeof(*m->chain)));
	return m->chain ? slip_chain_init(m->chain, shape->elem_bytes, NULL)
			: -ENOMEM;
}

static void chain_destroy(void *mem)
{
	struct chain_memory *m = SLIP_CAST(struct chain_memory *, mem);

	slip_chain_destroy(m->chain);
	free(m->chain);
}

static int chain_open(struct mpmc_seat *s)
{
	s->own = calloc(1, sizeof(struct chain_side));
	return s->own ? 0 : -ENOMEM;
}

static void chain_close(struct mpmc_seat *s)
{
	free(s->own);
}

SLIP_CORE struct slip_chain *chain_of(const struct mpmc_seat *s)
{
	struct chain_memory *m = SLIP_CAST(struct chain_memory *, s->queue);

	return m->chain;
}

SLIP_CORE uint32_t chain_push(struct mpmc_seat *s, const uint64_t *value,
			      uint32_t n)
{
	(void)n;
	return chain_words_push(chain_of(s), value) == 0;
}

SLIP_CORE uint32_t chain_pop(struct mpmc_seat *s, uint64_t *value, uint32_t n)
{
	(void)n;
	return chain_words_pop(chain_of(s), value);
}

SLIP_CORE uint32_t chain_push_n(struct mpmc_seat *s, const uint64_t *values,
				uint32_t n)
{
	return chain_words_push_n(chain_of(s), values, n);
}

SLIP_CORE uint32_t chain_pop_n(struct mpmc_seat *s, uint64_t *values,
			       uint32_t n)
{
	return chain_words_pop_n(chain_of(s), values, n);
}

SLIP_CORE uint32_t chain_push_wide(struct mpmc_seat *s, const uint64_t *value,
				   uint32_t n)
{
	const void *at = value;

	(void)n;
	return chain_wides_push(chain_of(s),
				SLIP_CAST(const struct chain_wide *, at)) == 0;
}

SLIP_CORE uint32_t chain_pop_wide(struct mpmc_seat *s, uint64_t *value,
				  uint32_t n)
{
	void *at = value;

	(void)n;
	return chain_wides_pop(chain_of(s), SLIP_CAST(struct chain_wide *, at));
}

CHAIN_LOOPS(chain_1, chain_push, chain_pop, 8, 1);
CHAIN_LOOPS(chain_n, chain_push_n, chain_pop_n, 8, MPMC_BATCH);
CHAIN_LOOPS(chain_wide, chain_push_wide, chain_pop_wide, 8 * MPMC_WORDS, 1);

/* clang-format off */
#define CHAIN_OURS                                                           \
	{                                                                    \
		.bytes = chain_bytes,                                        \
		.make = chain_make,                                          \
		.destroy = chain_destroy,                                    \
		.open = chain_open,                                          \
		.close = chain_close,                                        \
		.single = MPMC_LOOPS_OF(chain_1),                            \
		.batch = MPMC_LOOPS_OF(chain_n),                             \
		.wide = MPMC_LOOPS_OF(chain_wide),                           \
	}
/* clang-format on */

#endif
