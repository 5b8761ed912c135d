/* SPDX-License-Identifier: MIT */
/*
 * moodycamel's ConcurrentQueue without a bound, as it is meant to be used: enqueue
 * takes memory when it needs it. Once plain, once with the tokens that its
 * documentation recommends. Order is kept for each producer only.
 */
#include "tools/bench/chain_window.h"

#include <cerrno>
#include <memory>
#include <new>

#if __has_include(<concurrentqueue/concurrentqueue.h>)
#ifndef __clang__
/* What gcc finds when it inlines that header is not ours to mend. */
#pragma GCC diagnostic ignored "-Wnull-dereference"
#pragma GCC diagnostic ignored "-Wstringop-overflow"
#endif
#include <concurrentqueue/concurrentqueue.h>

namespace
{

using queue = moodycamel::ConcurrentQueue<uint64_t>;

struct memory {
	chain_window window;
	queue *q;
};

/* A side's tokens, where it has some. */
struct holder {
	chain_side side;
	queue *q;
	std::unique_ptr<moodycamel::ProducerToken> in;
	std::unique_ptr<moodycamel::ConsumerToken> out;
};

size_t bytes(const struct mpmc_shape *)
{
	return sizeof(memory);
}

int make(void *mem, const struct mpmc_shape *)
{
	auto *m = static_cast<memory *>(mem);

	m->q = new (std::nothrow) queue();
	return m->q ? 0 : -ENOMEM;
}

void destroy(void *mem)
{
	delete static_cast<memory *>(mem)->q;
}

int open_plain(struct mpmc_seat *s)
{
	queue *q = static_cast<memory *>(s->queue)->q;
	auto *h = new (std::nothrow) holder{ {}, q, {}, {} };

	/* Its `side` comes first. */
	s->own = h;
	return h ? 0 : -ENOMEM;
}

int open_tokens(struct mpmc_seat *s)
{
	int rc = open_plain(s);
	auto *h = static_cast<holder *>(s->own);

	if (h && s->producer)
		h->in.reset(new moodycamel::ProducerToken(*h->q));
	if (h && s->consumer)
		h->out.reset(new moodycamel::ConsumerToken(*h->q));
	return rc;
}

void close(struct mpmc_seat *s)
{
	delete static_cast<holder *>(s->own);
}

SLIP_CORE holder *of(struct mpmc_seat *s)
{
	return static_cast<holder *>(s->own);
}

SLIP_CORE uint32_t push(struct mpmc_seat *s, const uint64_t *value, uint32_t)
{
	return of(s)->q->enqueue(*value);
}

SLIP_CORE uint32_t pop(struct mpmc_seat *s, uint64_t *value, uint32_t)
{
	return of(s)->q->try_dequeue(*value);
}

SLIP_CORE uint32_t push_n(struct mpmc_seat *s, const uint64_t *v, uint32_t n)
{
	return of(s)->q->enqueue_bulk(v, n) ? n : 0;
}

SLIP_CORE uint32_t pop_n(struct mpmc_seat *s, uint64_t *values, uint32_t n)
{
	return static_cast<uint32_t>(of(s)->q->try_dequeue_bulk(values, n));
}

SLIP_CORE uint32_t push_token(struct mpmc_seat *s, const uint64_t *v, uint32_t)
{
	return of(s)->q->enqueue(*of(s)->in, *v);
}

SLIP_CORE uint32_t pop_token(struct mpmc_seat *s, uint64_t *v, uint32_t)
{
	return of(s)->q->try_dequeue(*of(s)->out, *v);
}

SLIP_CORE uint32_t push_token_n(struct mpmc_seat *s, const uint64_t *v,
				uint32_t n)
{
	return of(s)->q->enqueue_bulk(*of(s)->in, v, n) ? n : 0;
}

SLIP_CORE uint32_t pop_token_n(struct mpmc_seat *s, uint64_t *v, uint32_t n)
{
	return static_cast<uint32_t>(
		of(s)->q->try_dequeue_bulk(*of(s)->out, v, n));
}

CHAIN_LOOPS(plain_1, push, pop, 8, 1);
CHAIN_LOOPS(plain_n, push_n, pop_n, 8, MPMC_BATCH);
CHAIN_LOOPS(tokens_1, push_token, pop_token, 8, 1);
CHAIN_LOOPS(tokens_n, push_token_n, pop_token_n, 8, MPMC_BATCH);

} /* namespace */

const struct mpmc_queue chain_moodycamel = {
	nullptr,
	bytes,
	make,
	destroy,
	open_plain,
	close,
	MPMC_LOOPS_OF(plain_1),
	MPMC_LOOPS_OF(plain_n),
	MPMC_NO_LOOPS,
	nullptr,
};

const struct mpmc_queue chain_moodycamel_tokens = {
	nullptr,
	bytes,
	make,
	destroy,
	open_tokens,
	close,
	MPMC_LOOPS_OF(tokens_1),
	MPMC_LOOPS_OF(tokens_n),
	MPMC_NO_LOOPS,
	nullptr,
};

#else

static int absent()
{
	return -ENOPKG;
}

#define ABSENT                                                               \
	{                                                                    \
		absent, nullptr, nullptr, nullptr, nullptr, nullptr,         \
			MPMC_NO_LOOPS, MPMC_NO_LOOPS, MPMC_NO_LOOPS, nullptr \
	}

const struct mpmc_queue chain_moodycamel = ABSENT;
const struct mpmc_queue chain_moodycamel_tokens = ABSENT;

#endif
