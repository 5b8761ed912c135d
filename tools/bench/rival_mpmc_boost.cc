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

/* Its indices have 16 bits, of which it needs some numbers for itself. */
constexpr uint32_t most = 65534;

template <uint32_t slots>
struct sized {
	using queue = boost::lockfree::queue<uint64_t,
					     boost::lockfree::capacity<slots>>;

	static size_t bytes(const struct mpmc_shape *shape)
	{
		bool fits = shape->capacity == slots ||
			    (slots == most && shape->capacity == 65536);

		return fits ? sizeof(queue) : 0;
	}

	static int make(void *mem, const struct mpmc_shape *)
	{
		/* An index and a tag of 16 bits each are what it swaps. */
		static_assert(std::atomic<uint32_t>::is_always_lock_free,
			      "else not between processes");

		return new (mem) queue ? 0 : -ENOMEM;
	}

	static void destroy(void *mem)
	{
		static_cast<queue *>(mem)->~queue();
	}

	SLIP_CORE uint32_t push(struct mpmc_seat *s, const uint64_t *value,
				uint32_t)
	{
		return static_cast<queue *>(s->queue)->push(*value);
	}

	SLIP_CORE uint32_t pop(struct mpmc_seat *s, uint64_t *value, uint32_t)
	{
		return static_cast<queue *>(s->queue)->pop(*value);
	}

	MPMC_LOOPS(loop, push, pop, 8, 1);
};

#define BOOST_QUEUE(slots)                                        \
	{                                                         \
		nullptr, sized<slots>::bytes, sized<slots>::make, \
			sized<slots>::destroy, nullptr, nullptr,  \
			{ sized<slots>::loop_produce,             \
			  sized<slots>::loop_consume,             \
			  sized<slots>::loop_pair },              \
			MPMC_NO_LOOPS, MPMC_NO_LOOPS, nullptr     \
	}

} /* namespace */

const struct mpmc_queue mpmc_boost = BOOST_QUEUE(1024);
const struct mpmc_queue mpmc_boost_large = BOOST_QUEUE(most);

#else

static int absent()
{
	return -ENOPKG;
}

#define BOOST_QUEUE                                                          \
	{                                                                    \
		absent, nullptr, nullptr, nullptr, nullptr, nullptr,         \
			MPMC_NO_LOOPS, MPMC_NO_LOOPS, MPMC_NO_LOOPS, nullptr \
	}

const struct mpmc_queue mpmc_boost = BOOST_QUEUE;
const struct mpmc_queue mpmc_boost_large = BOOST_QUEUE;

#endif
