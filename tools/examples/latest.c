/* SPDX-License-Identifier: MIT */
/*
 * Instead of a file that is replaced by rename(2), or a value under a lock or a
 * seqlock: the newest value. Readers get it whole, whatever the writer is about,
 * also if it was killed in the middle; they may have no right to write, and wait
 * for the next one all the same.
 */
#include "tools/examples/example.h"

#include "ring/latest.h"

struct pose {
	uint64_t number;
	double x, y;
};

SLIP_LATEST_DEFINE(poses, struct pose);

static struct family family;

static struct pose pose_of(uint64_t number)
{
	struct pose p;

	p.number = number;
	p.x = (double)number * 2;
	p.y = (double)number * 3;
	return p;
}

/* Publishes three poses; is killed while it writes the fourth in place. */
static int writer(void)
{
	static struct slip_latest_writer w;
	static struct family own;
	struct pose p;
	size_t bytes;
	void *mem;

	family_join(&own, &family);
	mem = family_find(&own, "pose", SLIP_KIND_LATEST, &bytes);
	must(poses_attach_writer(&w, mem, bytes, &own.me) == 0, "attach");
	for (uint64_t i = 1; i <= 3; i++) {
		p = pose_of(i);
		must(poses_write(&w, &p) == 0, "write");
	}
	p = pose_of(666);
	must(slip_latest_put(&w, 0, &p, 8) == 0, "half a pose");
	wait_for_the_end();
	return 1;
}

/* A stranger who may only look: no store is made, nobody knows of it. */
static int onlooker(void)
{
	static struct slip_latest_reader r;
	static struct slip_region rg;
	static struct slip_peer me;
	int fd = slip_region_fd(&family.rg);
	uint64_t seen = 0;
	struct pose p;
	size_t bytes;
	void *mem;

	must(slip_region_adopt(&rg, fd, SLIP_REGION_READONLY) == 0, "adopt");
	mem = slip_region_find(&rg, "pose", SLIP_KIND_LATEST, &bytes);
	slip_peer_prepare(&me, &rg); /* to ask who is alive; not to join */
	must(poses_attach_readonly(&r, mem, bytes, &me) == 0, "attach");
	while (slip_latest_version(&r) < 5) {
		int rc = poses_read_until(&r, &p, SLIP_FOREVER);

		if (rc == -EPIPE) { /* the first writer died */
			must(p.number == 3, "after all that it published");
			rc = slip_latest_wait_writer_until(&r, SLIP_FOREVER);
			must(rc == 0, "there is a successor");
			continue;
		}
		must(rc == 0 && p.x == (double)p.number * 2 &&
			     p.y == (double)p.number * 3,
		     "a whole pose");
		seen += 1 + slip_latest_skipped(&r);
	}
	must(seen == 5 && p.number == 5, "it knows how many it has not seen");
	slip_region_close(&rg);
	return 0;
}

int main(void)
{
	size_t bytes = poses_bytes(SLIP_LATEST_SLOTS);
	static struct slip_latest_writer w;
	static struct slip_latest_reader r;
	pid_t child, looks;
	struct pose p;
	void *mem;

	family_create(&family, bytes);
	mem = family_add(&family, "pose", SLIP_KIND_LATEST, bytes);
	must(poses_init(mem, bytes, SLIP_LATEST_SLOTS, 0) == 0, "init");
	family_publish(&family);
	must(poses_attach_reader(&r, mem, bytes, &family.me) == 0, "attach");
	looks = start(onlooker);
	child = start(writer);
	do
		must(poses_read_until(&r, &p, SLIP_FOREVER) == 0, "wait");
	while (p.number < 3);
	kill_it(child);
	must(poses_read_until(&r, &p, SLIP_FOREVER) == -EPIPE, "its death");
	must(poses_read(&r, &p) == 0 && p.number == 3, "the newest stays");

	must(poses_attach_writer(&w, mem, bytes, &family.me) == 0, "successor");
	p = pose_of(4);
	must(poses_write(&w, &p) == 0, "the dead one's number is used again");
	p = pose_of(5);
	must(poses_write(&w, &p) == 0, "write");
	must(went_well(looks), "who only looked has seen it all");
	slip_latest_detach_writer(&w);
	slip_latest_detach_reader(&r);
	family_leave(&family);
	return 0;
}
