/* SPDX-License-Identifier: MIT */
/* How much memory an attach looks at: a header's worth is enough to be told
 * that it is none, and a byte less is not looked at. */
#include "../../atomics/test/check.h"
#include "../mpmc.h"
#include "../record.h"
#include "../spsc.h"

#define HEADER 384

static _Alignas(SLIP_LINE_BYTES) unsigned char memory[HEADER];

Test(attach_bytes, spsc_reads_a_header_or_nothing)
{
	struct slip_spsc_producer p;
	struct slip_spsc_consumer c;

	cr_assert_eq(slip_spsc_attach_producer(&p, memory, HEADER, NULL),
		     -EBADMSG);
	cr_assert_eq(slip_spsc_attach_producer(&p, memory, HEADER - 1, NULL),
		     -EOVERFLOW);
	cr_assert_eq(slip_spsc_attach_consumer(&c, memory, HEADER, NULL),
		     -EBADMSG);
}

Test(attach_bytes, record_reads_a_header_or_nothing)
{
	struct slip_record_producer p;
	struct slip_record_consumer c;

	cr_assert_eq(slip_record_attach_producer(&p, memory, HEADER, NULL),
		     -EBADMSG);
	cr_assert_eq(slip_record_attach_producer(&p, memory, HEADER - 1, NULL),
		     -EOVERFLOW);
	cr_assert_eq(slip_record_attach_consumer(&c, memory, HEADER, NULL),
		     -EBADMSG);
}

Test(attach_bytes, mpmc_reads_a_header_or_nothing)
{
	struct slip_mpmc_info info;
	struct slip_mpmc q;

	cr_assert_eq(slip_mpmc_attach(&q, memory, HEADER, 3, NULL), -EBADMSG);
	cr_assert_eq(slip_mpmc_attach(&q, memory, HEADER - 1, 3, NULL),
		     -EOVERFLOW);
	cr_assert_eq(slip_mpmc_inspect(memory, HEADER, &info), -EBADMSG);
	cr_assert_eq(slip_mpmc_inspect(memory, HEADER - 1, &info), -EOVERFLOW);
	cr_assert_eq(slip_mpmc_recover_(NULL, memory, HEADER - 1, 1, 1), 0);
	cr_assert_eq(slip_mpmc_recover_(NULL, memory, HEADER, 1, 1), 0);
}
