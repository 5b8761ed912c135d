/* SPDX-License-Identifier: MIT */
/*
 * Boost.Lockfree's spsc_queue of a capacity fixed at compile time: it then
 * contains its elements and no pointers, and its documentation allows it in
 * shared memory. push and pop of (pointer, number) are its batches.
 */
#include "tools/bench/spsc_loops.h"

#include <cerrno>
#include <new>

#if __has_include(<boost/lockfree/spsc_queue.hpp>)
#include <boost/lockfree/spsc_queue.hpp>

namespace
{

template <uint32_t size>
struct element {
	uint64_t word[size / 8];
};

template <uint32_t slots, uint32_t size, uint32_t n>
struct kind {
	using type = element<size>;
	using queue =
		boost::lockfree::spsc_queue<type,
					    boost::lockfree::capacity<slots>>;

	static size_t bytes(uint32_t, uint32_t)
	{
		return sizeof(queue);
	}

	static int make(void *mem, size_t, uint32_t, uint32_t)
	{
		new (mem) queue;
		return 0;
	}

	static void destroy(void *mem)
	{
		static_cast<queue *>(mem)->~queue();
	}

	SLIP_CORE uint32_t push(spsc_seat *s, const void *from, uint32_t)
	{
		auto *q = static_cast<queue *>(s->out);
		auto *values = static_cast<const type *>(from);

		if (n == 1)
			return q->push(*values);
		return static_cast<uint32_t>(q->push(values, n));
	}

	SLIP_CORE uint32_t pop(spsc_seat *s, void *to, uint32_t)
	{
		auto *q = static_cast<queue *>(s->in);
		auto *values = static_cast<type *>(to);

		if (n == 1)
			return q->pop(*values);
		return static_cast<uint32_t>(q->pop(values, n));
	}

	SPSC_STREAM(loop, push, pop, size, n);
	SPSC_TRIPS(loop, push, pop);

	static constexpr spsc_kind entry(bool trips)
	{
		return { slots,
			 size,
			 n,
			 bytes,
			 make,
			 destroy,
			 loop_produce,
			 loop_consume,
			 trips ? loop_ask : nullptr,
			 trips ? loop_echo : nullptr };
	}
};

constexpr spsc_kind kinds[] = {
	kind<1024, 8, 1>::entry(true),
	kind<1024, 8, SPSC_BATCH>::entry(false),
	kind<1024, 56, 1>::entry(false),
	kind<1024, 64, 1>::entry(false),
	kind<65536, 8, 1>::entry(false),
	kind<65536, 8, SPSC_BATCH>::entry(false),
	kind<65536, 56, 1>::entry(false),
	kind<65536, 64, 1>::entry(false),
};

} /* namespace */

const spsc_queue spsc_boost = {
	nullptr, nullptr, nullptr, kinds, sizeof(kinds) / sizeof(*kinds),
};

#else

static int absent()
{
	return -ENOPKG;
}

const spsc_queue spsc_boost = { absent, nullptr, nullptr, nullptr, 0 };

#endif
