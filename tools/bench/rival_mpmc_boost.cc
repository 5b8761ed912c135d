/* SPDX-License-Identifier: MIT */
/*
 * Boost.Lockfree's queue of a capacity fixed at compile time: its nodes are
 * then named by index and nothing is allocated, and its documentation allows it
 * in shared memory as long as the atomics are lock-free. It has no batches.
 */
#include "tools/bench/mpmc_loops.h"

#include <atomic>
#include <cerrno>
#include <new>

#if __has_include(<boost/lockfree/queue.hpp>)
#include <boost/lockfree/queue.hpp>

namespace
{

constexpr size_t slots = 1024;
using queue =
	boost::lockfree::queue<uint64_t, boost::lockfree::capacity<slots>>;

size_t bytes(const struct mpmc_shape *shape)
{
	return shape->capacity == slots ? sizeof(queue) : 0;
}

int make(void *mem, const struct mpmc_shape *)
{
	/* An index and a tag of 16 bits each are what it swaps. */
	static_assert(std::atomic<uint32_t>::is_always_lock_free,
		      "else not between processes");

	return new (mem) queue ? 0 : -ENOMEM;
}

void destroy(void *mem)
{
	static_cast<queue *>(mem)->~queue();
}

SLIP_CORE uint32_t push(struct mpmc_seat *s, const uint64_t *value, uint32_t)
{
	return static_cast<queue *>(s->queue)->push(*value);
}

SLIP_CORE uint32_t pop(struct mpmc_seat *s, uint64_t *value, uint32_t)
{
	return static_cast<queue *>(s->queue)->pop(*value);
}

MPMC_LOOPS(boost_queue, push, pop, 1);

} /* namespace */

const struct mpmc_queue mpmc_boost = {
	nullptr,
	bytes,
	make,
	destroy,
	nullptr,
	nullptr,
	MPMC_LOOPS_OF(boost_queue),
	MPMC_NO_LOOPS,
};

#else

static int absent()
{
	return -ENOPKG;
}

const struct mpmc_queue mpmc_boost = {
	absent,	 nullptr, nullptr,	 nullptr,
	nullptr, nullptr, MPMC_NO_LOOPS, MPMC_NO_LOOPS,
};

#endif
