/* SPDX-License-Identifier: MIT */
/*
 * moodycamel's ConcurrentQueue, for threads alone. It is not bounded; made with
 * room for the capacity and asked by try_enqueue, which never allocates, it
 * comes as near to that as it can. Once plain, once with the tokens that its
 * documentation recommends. Order is kept for each producer only.
 */
#include "tools/bench/mpmc_loops.h"

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

size_t bytes(const struct mpmc_shape *)
{
	return sizeof(queue *);
}

queue *queue_of(void *mem)
{
	return *static_cast<queue **>(mem);
}

int make(void *mem, const struct mpmc_shape *shape)
{
	auto *q =
		new (std::nothrow) queue(shape->capacity, 0, shape->producers);

	*static_cast<queue **>(mem) = q;
	return q ? 0 : -ENOMEM;
}

int make_tokens(void *mem, const struct mpmc_shape *shape)
{
	auto *q =
		new (std::nothrow) queue(shape->capacity, shape->producers, 0);

	*static_cast<queue **>(mem) = q;
	return q ? 0 : -ENOMEM;
}

void destroy(void *mem)
{
	delete queue_of(mem);
}

int open_plain(struct mpmc_seat *s)
{
	s->own = queue_of(s->queue);
	return 0;
}

/* Each side has the token of what it does: consumers look into every producer's
 * queue that there is a token for. */
struct holder {
	queue *q;
	std::unique_ptr<moodycamel::ProducerToken> in;
	std::unique_ptr<moodycamel::ConsumerToken> out;
};

int open_tokens(struct mpmc_seat *s)
{
	auto *h = new (std::nothrow) holder{ queue_of(s->queue), {}, {} };

	if (h && s->producer)
		h->in.reset(new moodycamel::ProducerToken(*h->q));
	if (h && s->consumer)
		h->out.reset(new moodycamel::ConsumerToken(*h->q));
	s->own = h;
	return h ? 0 : -ENOMEM;
}

void close_tokens(struct mpmc_seat *s)
{
	delete static_cast<holder *>(s->own);
}

SLIP_CORE uint32_t push(struct mpmc_seat *s, const uint64_t *value, uint32_t)
{
	return static_cast<queue *>(s->own)->try_enqueue(*value);
}

SLIP_CORE uint32_t pop(struct mpmc_seat *s, uint64_t *value, uint32_t)
{
	return static_cast<queue *>(s->own)->try_dequeue(*value);
}

/* Bulk puts in all of them or none. */
SLIP_CORE uint32_t push_n(struct mpmc_seat *s, const uint64_t *v, uint32_t n)
{
	return static_cast<queue *>(s->own)->try_enqueue_bulk(v, n) ? n : 0;
}

SLIP_CORE uint32_t pop_n(struct mpmc_seat *s, uint64_t *values, uint32_t n)
{
	size_t came = static_cast<queue *>(s->own)->try_dequeue_bulk(values, n);

	return static_cast<uint32_t>(came);
}

SLIP_CORE uint32_t push_token(struct mpmc_seat *s, const uint64_t *v, uint32_t)
{
	auto *h = static_cast<holder *>(s->own);

	return h->q->try_enqueue(*h->in, *v);
}

SLIP_CORE uint32_t pop_token(struct mpmc_seat *s, uint64_t *v, uint32_t)
{
	auto *h = static_cast<holder *>(s->own);

	return h->q->try_dequeue(*h->out, *v);
}

SLIP_CORE uint32_t push_token_n(struct mpmc_seat *s, const uint64_t *v,
				uint32_t n)
{
	auto *h = static_cast<holder *>(s->own);

	return h->q->try_enqueue_bulk(*h->in, v, n) ? n : 0;
}

SLIP_CORE uint32_t pop_token_n(struct mpmc_seat *s, uint64_t *v, uint32_t n)
{
	auto *h = static_cast<holder *>(s->own);

	return static_cast<uint32_t>(h->q->try_dequeue_bulk(*h->out, v, n));
}

MPMC_LOOPS(plain_1, push, pop, 8, 1);
MPMC_LOOPS(plain_n, push_n, pop_n, 8, MPMC_BATCH);
MPMC_LOOPS(tokens_1, push_token, pop_token, 8, 1);
MPMC_LOOPS(tokens_n, push_token_n, pop_token_n, 8, MPMC_BATCH);

} /* namespace */

const struct mpmc_queue mpmc_moodycamel = {
	nullptr,
	bytes,
	make,
	destroy,
	open_plain,
	nullptr,
	MPMC_LOOPS_OF(plain_1),
	MPMC_LOOPS_OF(plain_n),
	MPMC_NO_LOOPS,
	nullptr,
};

const struct mpmc_queue mpmc_moodycamel_tokens = {
	nullptr,
	bytes,
	make_tokens,
	destroy,
	open_tokens,
	close_tokens,
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

const struct mpmc_queue mpmc_moodycamel = ABSENT;
const struct mpmc_queue mpmc_moodycamel_tokens = ABSENT;

#endif
