/* SPDX-License-Identifier: MIT */
/*
 * moodycamel's ReaderWriterQueue. It allocates its blocks, so it is for threads
 * only; it is told the capacity, and try_enqueue does not allocate more. It has
 * no batches.
 */
#include "tools/bench/spsc_loops.h"

#include <cerrno>
#include <new>

#if __has_include(<readerwriterqueue/readerwriterqueue.h>)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wcast-align"
#include <readerwriterqueue/readerwriterqueue.h>
#pragma GCC diagnostic pop

namespace
{

template <uint32_t size>
struct kind {
	struct type {
		uint64_t word[size / 8];
	};
	using queue = moodycamel::ReaderWriterQueue<type>;

	static size_t bytes(uint32_t, uint32_t)
	{
		return sizeof(queue);
	}

	static int make(void *mem, size_t, uint32_t capacity, uint32_t)
	{
		new (mem) queue(capacity);
		return 0;
	}

	static void destroy(void *mem)
	{
		static_cast<queue *>(mem)->~queue();
	}

	SLIP_CORE uint32_t push(spsc_seat *s, const void *from, uint32_t)
	{
		return static_cast<queue *>(s->out)->try_enqueue(
			*static_cast<const type *>(from));
	}

	SLIP_CORE uint32_t pop(spsc_seat *s, void *to, uint32_t)
	{
		return static_cast<queue *>(s->in)->try_dequeue(
			*static_cast<type *>(to));
	}

	SPSC_STREAM(loop, push, pop, size, 1);
	SPSC_TRIPS(loop, push, pop);

	static constexpr spsc_kind entry(uint32_t batch)
	{
		return { 0,	   size,     batch,	   bytes,
			 make,	   destroy,  loop_produce, loop_consume,
			 loop_ask, loop_echo };
	}
};

constexpr spsc_kind kinds[] = {
	kind<8>::entry(1),
	kind<8>::entry(SPSC_BATCH),
	kind<56>::entry(1),
	kind<64>::entry(1),
};

} /* namespace */

const spsc_queue spsc_moodycamel = {
	nullptr, nullptr, nullptr, kinds, sizeof(kinds) / sizeof(*kinds),
};

#else

static int absent()
{
	return -ENOPKG;
}

const spsc_queue spsc_moodycamel = { absent, nullptr, nullptr, nullptr, 0 };

#endif
