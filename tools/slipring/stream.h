/* SPDX-License-Identifier: MIT */
/*
 * What send and recv share: a region that holds one ring, "stream": of records,
 * or, with a carrier, of another kind (carry.h).
 *
 * Each record is a piece of the data, or a line of it; a record of no bytes is
 * the end of the data. So the end travels in the ring, in its place: nobody
 * takes the end of one sender for that of the next, and a sender that is gone
 * without it has died.
 *
 * One sender after another, without cleaning up. A role word (ring/role.h)
 * names its holder, so each side sees a death even if a successor was quick:
 *
 *   - A sender attaches only when the ring is empty. What the last one left is
 *     taken by its receiver, or by the next, and reported as cut short; it is
 *     never joined to the data of another.
 *   - So a record that is seen while the sender's role names another than the
 *     one whose records we have had, and no end came, means: ours has died.
 *   - A sender puts nothing in before a receiver is there, so it knows whoever
 *     takes something out, and no successor hides a death.
 *   - A receiver whose sender has died leaves in order: only the next sender
 *     can see it, and is not to take it for a death that concerns him.
 *
 * A side that fails while the other lives exits without detaching: the kernel
 * then tells the other of a death, which is what it is. A sender whose receiver
 * has died takes back what is in the ring; what a killed sender left stays.
 */
#ifndef SLIP_TOOLS_SLIPRING_STREAM_H
#define SLIP_TOOLS_SLIPRING_STREAM_H

#include "futex/peer.h"
#include "futex/region.h"
#include "ring/record.h"
#include "tools/slipring/common.h"
#include "tools/slipring/meter.h"

struct carrier;

struct stream_options {
	const char *name;
	const struct carrier *carrier; /* NULL: records, or what is there */
	bool records;		       /* and nothing else */
	uint64_t capacity;
	uint32_t message; /* bytes of the longest, where they are of one size */
	uint32_t level;	  /* of urgency, below STREAM_LEVELS */
	uint64_t timeout_ns; /* for the other side to come */
	unsigned mode;
	bool lines, progress, lossy, keep, newest, once;
};
enum { STREAM_LEVELS = 8 };

/* --ring, --capacity, --message, --lossy, --mode, --keep, --timeout, --progress:
 * an argp child of send and recv, with a struct stream_options as its input. */
extern const struct argp stream_argp;
extern const struct stream_options stream_defaults;

struct stream {
	const char *name;
	struct slip_region rg;
	struct slip_peer self;
	const struct carrier *carrier; /* NULL: a ring of records */
	void *mem;
	size_t bytes;
	uint32_t *past; /* of each peer that was dead when we came, its gen */
	uint64_t deadline_ns; /* for the other side to come */
	uint64_t patient_ns;  /* until then a role may be taken */
	struct meter meter;
};

/* Opens the region, or creates it, and joins it. STATUS_OK or _FAILED. */
int stream_open(struct stream *s, const struct stream_options *o);

/* Leaves in order; the last one to do so takes the name away, unless `keep` or
 * something is left. */
void stream_leave(struct stream *s, bool keep);

/* Ends the progress line and complains about this stream. */
__attribute__((format(printf, 2, 3))) int stream_fail(struct stream *s,
						      const char *format, ...);

/* The same for an error of a call on the ring. */
int stream_fail_ring(struct stream *s, int err);

/* A look at the ring. 0 or -errno. */
int stream_look(const struct stream *s, struct slip_record_info *info);

/* The role word of the other side, as it stands. No system call. */
uint64_t stream_role(const struct slip_side *side);

/* A member: id and generation, as a role word holds them; 0 if it does not
 * say, in a closed role for example. */
uint64_t stream_member(uint64_t role_word);

/* The member whose time in the role is over already, or STREAM_NOBODY. */
#define STREAM_NOBODY UINT64_MAX
uint64_t stream_past(const struct stream *s, uint64_t role_word);

/* Does somebody alive have the role? */
bool stream_held(const struct stream *s, uint64_t role_word);

/* Did it die as a member of the region, rather than leave it? */
bool stream_died(const struct stream *s, uint64_t member);

/* Somebody who has died since we came, or STREAM_NOBODY. */
uint64_t stream_casualty(const struct stream *s);

/* All of it to standard output. */
int stream_write(struct stream *s, const void *data, size_t bytes);

/* " (pid 12, cat)", or "" if it is no longer known; `text` is returned. */
#define WHO_TEXT_BYTES 48
const char *stream_who(const struct stream *s, uint64_t member,
		       char text[WHO_TEXT_BYTES]);

/* A role that is taken may be that of one who is just being killed, or leaving:
 * naps, and says whether to look again, for a quarter of a second. */
bool stream_patient(struct stream *s);

/* Has the other side had its time to come? */
bool stream_late(const struct stream *s);

/* How long a wait lasts before it looks about, and a nap between two looks
 * where there is nothing to sleep on. */
#define STREAM_LOOK_NS UINT64_C(100000000)
void stream_nap(uint64_t ns);

#endif
