/* SPDX-License-Identifier: MIT */
/* ring/broadcast.h when somebody has written what no writer writes. */
#define _GNU_SOURCE
#include <errno.h>
#include <time.h>

#include "broadcast_bench.h"

static unsigned char out[65536];

static void expect_poisoned(struct bench *b)
{
	uint32_t len;

	cr_assert_eq(slip_broadcast_read(&b->r, out, 8, &len), -EBADMSG);
	cr_assert_eq(slip_broadcast_wait_until(&b->r, SLIP_FOREVER), -EBADMSG);
	cr_assert_eq(slip_broadcast_wait_writer_until(&b->r, SLIP_FOREVER),
		     -EBADMSG);
	cr_assert_eq(
		slip_broadcast_read_until(&b->r, out, 8, &len, SLIP_FOREVER),
		-EBADMSG);
}

/* Twelve elements of 16 slots, three of them read. */
static struct slip_broadcast_lane *elements(struct bench *b)
{
	setup(b, 16, 8, 0);
	write_many(&b->w, 3);
	read_all(b);
	write_many(&b->w, 9);
	return b->w.lane;
}

/* Records of 0 to 24 bytes in 32 units, more than a lap, all read. */
static struct slip_broadcast_lane *records(struct bench *b)
{
	setup(b, 256, 0, 0);
	while (b->w.tail < 40) {
		write_many(&b->w, 1);
		read_all(b);
	}
	return b->w.lane;
}

/* The header of the record that will be read next. */
static slip_a64 *next_header(struct bench *b)
{
	return slip_broadcast_unit_(b->r.at[0].data, &b->r.shape,
				    b->r.at[0].pos);
}

Test(broadcast_damage, a_tail_that_goes_back_poisons)
{
	struct slip_broadcast_lane *lane;
	struct bench b;

	lane = elements(&b);
	b.r.at[0].seen = b.r.at[0].pos;
	slip_a64_store_relaxed(&lane->tail, 2); /* init */
	expect_poisoned(&b);
	slip_a64_store_relaxed(&lane->tail, 12); /* init */
	expect_poisoned(&b);
	teardown(&b);
}

Test(broadcast_damage, who_waits_sees_it_too)
{
	struct bench b;

	slip_a64_store_relaxed(&elements(&b)->tail, 2); /* init */
	cr_assert_eq(slip_broadcast_wait_until(&b.r, SLIP_FOREVER), -EBADMSG);
	expect_poisoned(&b);
	teardown(&b);
	slip_a64_store_relaxed(&elements(&b)->tail, 2); /* init */
	slip_broadcast_detach_writer(&b.w);
	cr_assert_eq(slip_broadcast_wait_writer_until(&b.r, SLIP_FOREVER),
		     -EBADMSG);
	expect_poisoned(&b);
	teardown(&b);
}

/* More than a part ahead of the tail, when one is overtaken by that much; or
 * behind the element. */
Test(broadcast_damage, a_tail_far_below_what_was_begun_poisons)
{
	static const uint64_t begun[] = { 20, 100, UINT64_C(1) << 63, 2,
					  UINT64_MAX };

	for (size_t i = 0; i < sizeof(begun) / sizeof(begun[0]); i++) {
		struct bench b;

		/* init */
		slip_a64_store_relaxed(&elements(&b)->begun, begun[i]);
		expect_poisoned(&b);
		teardown(&b);
	}
}

/* And the place that it leads to was never written. */
Test(broadcast_damage,
     a_tail_far_above_what_was_begun_poisons_who_was_overtaken)
{
	struct slip_broadcast_lane *lane;
	uint32_t len;
	struct bench b;

	lane = elements(&b);
	write_many(&b.w, 10);
	slip_a64_store_relaxed(&lane->tail, 1000); /* init */
	cr_assert_eq(slip_broadcast_read_until(&b.r, out, sizeof(out), &len,
					       SLIP_FOREVER),
		     -EBADMSG);
	teardown(&b);
}

Test(broadcast_damage, what_may_be_begun_is_no_damage)
{
	for (uint64_t begun = 12; begun <= 14; begun++) {
		struct bench b;

		slip_a64_store_relaxed(&elements(&b)->begun, begun); /* init */
		read_all(&b);
		cr_assert_eq(b.got, 12);
		slip_broadcast_detach_reader(&b.r);
		cr_assert_eq(
			slip_broadcast_attach_reader(&b.r, b.mem, b.bytes, NULL,
						     SLIP_BROADCAST_OLDEST),
			0);
		teardown(&b);
	}
}

Test(broadcast_damage, a_tail_of_any_value_leads_nowhere)
{
	static const uint64_t tails[] = { 13, 28, 100, UINT64_C(1) << 40,
					  UINT64_MAX / 2 };

	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		struct bench b;

		/* init */
		slip_a64_store_relaxed(&elements(&b)->tail, tails[i]);
		for (int n = 0; n < 100; n++) {
			uint32_t len;

			if (slip_broadcast_read(&b.r, out, 8, &len) == -EBADMSG)
				break;
		}
		teardown(&b);
	}
}

Test(broadcast_damage, a_header_that_is_none_poisons)
{
	/* Too long, as long as the ring has bytes, beyond the tail, of another
	 * number. */
	for (int i = 0; i < 5; i++) {
		struct slip_broadcast_lane *lane;
		struct bench b;
		uint64_t n;
		uint32_t len;

		lane = records(&b);
		n = b.r.at[0].number;
		/* init: one unit more is there */
		slip_a64_store_relaxed(
			next_header(&b),
			i == 0	 ? slip_broadcast_header_(25, n)
			: i == 1 ? slip_broadcast_header_(UINT32_MAX, n)
			: i == 2 ? slip_broadcast_header_(8, n)
			: i == 3 ? slip_broadcast_header_(0, n + 1)
				 : slip_broadcast_header_(0, n - 1));
		slip_a64_store_relaxed(&lane->tail, b.w.tail + 1);
		slip_a64_store_relaxed(&lane->begun, b.w.tail + 4);
		cr_assert_eq(slip_broadcast_read(&b.r, out, sizeof(out), &len),
			     -EBADMSG, "%d", i);
		expect_poisoned(&b);
		teardown(&b);
	}
}

/* The length is right, and all of it lies in what is there, but none is so long. */
Test(broadcast_damage, a_record_longer_than_a_part_poisons)
{
	struct slip_broadcast_lane *lane;
	struct bench b;
	uint32_t len;

	lane = records(&b);
	/* init */
	slip_a64_store_relaxed(next_header(&b),
			       slip_broadcast_header_(32, b.r.at[0].number));
	slip_a64_store_relaxed(&lane->tail, b.w.tail + 8);
	slip_a64_store_relaxed(&lane->begun, b.w.tail + 8);
	cr_assert_eq(slip_broadcast_read(&b.r, out, sizeof(out), &len),
		     -EBADMSG);
	teardown(&b);
}

/* As many as there are units between, and one; the record there agrees. */
static void too_many_lost(struct bench *b, struct slip_broadcast_mark *mark)
{
	uint64_t pos = slip_a64_load_relaxed(&mark->pos); /* stat */
	uint64_t number = b->r.at[0].number + pos - b->r.at[0].pos + 1;
	slip_a64 *header = slip_broadcast_unit_(b->w.data, &b->w.shape, pos);
	/* stat */
	uint32_t bytes = (uint32_t)slip_a64_load_relaxed(header);

	/* init */
	slip_a64_store_relaxed(&mark->number, number);
	slip_a64_store_relaxed(header, slip_broadcast_header_(bytes, number));
}

/* A reader that is overtaken goes by the marks. */
Test(broadcast_damage, a_mark_that_is_none_poisons_who_goes_by_it)
{
	/* Before its part, behind it, with a number that is too low, as it was,
	 * or too high: at all, for the part, by one for what lies between. */
	for (int i = 0; i < 7; i++) {
		struct slip_broadcast_mark *mark;
		struct slip_broadcast_reader early;
		struct bench b;
		uint64_t k;

		records(&b);
		early = b.r;
		write_many(&b.w, 40);
		b.r = early;
		k = (b.w.tail + 4 - 32) / 4 + 2;
		mark = &b.w.lane->marks[k % 8];
		/* init */
		if (i == 0)
			slip_a64_store_relaxed(&mark->pos, k * 4 - 1);
		else if (i == 1)
			slip_a64_store_relaxed(&mark->pos, k * 4 + 4);
		else if (i == 2)
			slip_a64_store_relaxed(&mark->number,
					       early.at[0].number - 1);
		else if (i == 3)
			slip_a64_store_relaxed(&mark->number,
					       early.at[0].number);
		else if (i == 4)
			slip_a64_store_relaxed(&mark->number,
					       early.at[0].number + k * 4);
		else if (i == 5)
			slip_a64_store_relaxed(&mark->number, k * 4 + 4);
		else
			too_many_lost(&b, mark);
		cr_assert_eq(read_one(&b, &b.r), -EBADMSG, "%d", i);
		expect_poisoned(&b);
		teardown(&b);
	}
}

/* By one, where that makes the difference. */
Test(broadcast_damage, a_tail_one_more_than_a_part_below_poisons)
{
	struct bench b;
	uint32_t len;

	setup(&b, 16, 8, 0);
	write_many(&b.w, 40);
	b.r.at[0].seen = 40;
	/* init */
	slip_a64_store_relaxed(&b.w.lane->begun, 42);
	cr_assert_eq(slip_broadcast_read(&b.r, out, 8, &len), 0);
	slip_a64_store_relaxed(&b.w.lane->begun, 43);
	b.r.at[0].pos = 0;
	cr_assert_eq(slip_broadcast_read(&b.r, out, 8, &len), -EBADMSG);
	teardown(&b);
}

Test(broadcast_damage, nobody_attaches_to_a_lane_that_makes_no_sense)
{
	struct slip_broadcast_reader late;
	struct bench b;

	/* init: a tail that no record leads to; a mark, a header, what was begun */
	for (int i = 0; i < 5; i++) {
		struct slip_broadcast_lane *lane = records(&b);
		struct slip_broadcast_mark *mark =
			&lane->marks[(b.w.tail / 4 - 1) % 8];
		uint64_t pos = slip_a64_load_relaxed(&mark->pos);
		int rc;

		slip_broadcast_detach_writer(&b.w);
		if (i == 0)
			slip_a64_store_relaxed(&lane->tail, b.w.tail + 1);
		else if (i == 1)
			slip_a64_store_relaxed(&mark->pos, pos + 4);
		else if (i == 2)
			slip_a64_store_relaxed(
				slip_broadcast_unit_(b.w.data, &b.w.shape, pos),
				77);
		else if (i == 3)
			slip_a64_store_relaxed(&lane->begun, b.w.tail + 5);
		else
			slip_a64_store_relaxed(&lane->begun, b.w.tail - 1);
		rc = slip_broadcast_attach_writer(&b.w, b.mem, b.bytes, NULL);
		cr_assert_eq(rc, -EBADMSG, "%d: %d", i, rc);
		cr_assert_eq(slip_broadcast_writer_state(&b.r, 0),
			     SLIP_ROLE_CLOSED, "and the role given back");
		rc = slip_broadcast_attach_reader(&late, b.mem, b.bytes, NULL,
						  SLIP_BROADCAST_NEWEST);
		cr_assert_eq(rc, i < 3 ? -EBADMSG : 0, "%d: %d", i, rc);
		if (i == 3)
			cr_assert_eq(slip_broadcast_attach_reader(
					     &late, b.mem, b.bytes, NULL,
					     SLIP_BROADCAST_OLDEST),
				     -EBADMSG, "begun");
		teardown(&b);
	}
}

/* What was begun says that all that is there has been overwritten. */
Test(broadcast_damage, one_that_finds_nothing_whole_does_not_attach)
{
	for (uint32_t readers = 0; readers < 2; readers++) {
		struct slip_broadcast_reader late;
		struct bench b;

		setup(&b, 256, 0, readers);
		slip_broadcast_detach_reader(&b.r);
		write_many(&b.w, 30);
		slip_a64_store_relaxed(&b.w.lane->begun, 1000); /* init */
		cr_assert_eq(slip_broadcast_attach_reader(
				     &late, b.mem, b.bytes, NULL,
				     SLIP_BROADCAST_NEWEST),
			     -EAGAIN);
		/* Its seat is free again. */
		slip_a64_store_relaxed(&b.w.lane->begun, b.w.begun); /* init */
		cr_assert_eq(slip_broadcast_attach_reader(
				     &late, b.mem, b.bytes, NULL,
				     SLIP_BROADCAST_NEWEST),
			     0);
		slip_broadcast_detach_reader(&late);
		teardown(&b);
	}
}

/* Nor does it look at the other lanes. */
Test(broadcast_damage, one_lane_that_makes_no_sense_is_enough)
{
	struct slip_broadcast_reader late;
	struct bench b;

	make(&b, 256, 0, 2, 0);
	cr_assert_eq(slip_broadcast_attach_writer(&b.w, b.mem, b.bytes, NULL),
		     0);
	write_many(&b.w, 30);
	slip_a64_store_relaxed(&b.w.lane->begun, 1000); /* init */
	cr_assert_eq(slip_broadcast_attach_reader(&late, b.mem, b.bytes, NULL,
						  SLIP_BROADCAST_NEWEST),
		     -EAGAIN);
	cr_assert_null(late.at[1].lane, "not looked at");
	teardown(&b);
}

/* Whatever stands there: no step outside, no end that does not come. */
Test(broadcast_damage, random_words_lead_nowhere)
{
	uint64_t state = 88172645463325252u;

	for (int n = 0; n < 3000; n++) {
		struct slip_broadcast_reader late;
		struct bench b;
		slip_a64 *word;

		setup(&b, 256, n % 2 ? 0 : 8, 1);
		write_many(&b.w, (uint64_t)(n % (n % 2 ? 8 : 50)));
		for (int i = 0; i < 20; i++) {
			uint32_t len;

			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			word = (slip_a64 *)b.mem + 17 +
			       state / 64 % ((b.bytes - 136) / 8);
			/* init */
			slip_a64_store_relaxed(word,
					       state % 3 ? state >> 40 : state);
			(void)!slip_broadcast_read(&b.r, out, 64, &len);
			(void)!slip_broadcast_write(&b.w, out, n % 2 ? 5 : 8);
			(void)!slip_broadcast_attach_readonly(
				&late, b.mem, b.bytes, NULL, i % 2);
			(void)!slip_broadcast_read(&late, out, 64, &len);
		}
		(void)slip_broadcast_evict(&b.w);
		slip_broadcast_detach_writer(&b.w);
		(void)!slip_broadcast_attach_writer(&b.w, b.mem, b.bytes, NULL);
		teardown(&b);
	}
}
