/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "hostile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PEERS	  8u
#define HANDLES	  3
#define TABLE_AT  SLIP_REGION_PEERS_AT_
#define KIND_DATA 7u

/* Of the header; of the first entries; of the first peers. */
static const uint16_t named[] = {
	0,    8,    12,	  16,	24,   48,   52,	  56,	64,   72,   76,	  120,
	124,  4096, 4136, 4140, 4144, 4152, 4160, 4200, 4208, 4216, 4224, 4264,
	4272, 4280, 4288, 4328, 4336, 4344, 8192, 8192, 8200, 8320, 8448, 8512
};

static struct slip_region table;
static int vandal; /* a descriptor of its file */

/* A good region, as bytes. */
static uint8_t image[1 << 16];
static size_t image_bytes;

static void add(struct slip_region *rg, const char *name, uint32_t kind,
		size_t bytes, void **mem)
{
	if (slip_region_place(rg, name, kind, bytes, mem))
		fail("place");
}

static void make_image(void)
{
	struct slip_region rg;
	void *mem;

	if (image_bytes)
		return;
	if (slip_region_create(&rg, 20000,
			       SLIP_REGION_MEMFD | SLIP_REGION_PEERS(PEERS)))
		fail("create");
	add(&rg, "spsc", SLIP_KIND_SPSC, slip_spsc_bytes(8, 8), &mem);
	if (slip_spsc_init(mem, slip_spsc_bytes(8, 8), 8, 8, 0))
		fail("init");
	add(&rg, "record", SLIP_KIND_RECORD, slip_record_bytes(256, 0), &mem);
	if (slip_record_init(mem, slip_record_bytes(256, 0), 256, 0))
		fail("init");
	add(&rg, "mirror", SLIP_KIND_RECORD, 8192, &mem);
	if (slip_record_init(mem, 8192, 4096, SLIP_RECORD_MIRROR))
		fail("init");
	add(&rg, "data", KIND_DATA | SLIP_KIND_NAMES_PEERS, 300, &mem);
	if (slip_region_publish(&rg, NULL, 0600))
		fail("publish");
	image_bytes = rg.bytes;
	if (image_bytes > sizeof(image))
		fail("an image of %zu bytes", image_bytes);
	memcpy(image, rg.mem, image_bytes);
	slip_region_close(&rg);
}

/* --- everything that a participant does ------------------------------------ */

static void use_spsc(const struct slip_region_object *o, struct slip_peer *self)
{
	struct slip_spsc_producer p;
	uint8_t *elem;

	if (slip_spsc_attach_producer(&p, o->mem, o->bytes, self))
		return;
	elem = buffer(p.shape.elem_bytes);
	memset(elem, 1, p.shape.elem_bytes);
	play.counts.moved += slip_spsc_push(&p, elem);
	slip_spsc_detach_producer(&p);
}

static void use_record(const struct slip_region_object *o,
		       struct slip_peer *self)
{
	struct slip_record_consumer c;
	uint32_t len = 0;

	if (slip_record_attach_consumer(&c, o->mem, o->bytes, self))
		return;
	if (slip_record_peek(&c, &len))
		answer_place(slip_record_peek(&c, &len), len, c.shape.data,
			     c.shape.capacity << c.shape.mirrored);
	slip_record_detach_consumer(&c);
}

/* Whoever may only read may only look. */
static void look_at(const struct slip_region_object *o)
{
	struct slip_spsc_info spsc;
	struct slip_record_info record;

	play.counts.errors += slip_spsc_inspect(o->mem, o->bytes, &spsc) != 0;
	play.counts.errors +=
		slip_record_inspect(o->mem, o->bytes, &record) != 0;
}

static void items(const struct slip_region *rg, struct stream *in,
		  struct slip_peer *self)
{
	struct slip_region_object o;

	for (uint32_t i = 0; i < SLIP_REGION_OBJECTS_MAX; i++) {
		verb(in, "slip_region_item");
		if (answer(slip_region_item(rg, i, &o),
			   CODES(-ENOENT, -EBADMSG)))
			continue;
		answer_place(o.mem, o.bytes, rg->mem, rg->bytes);
		answer_place(o.name, strnlen(o.name, 40) + 1, o.name, 40);
		verb(in, "an object");
		look_at(&o);
		if (rg->flags & SLIP_REGION_READONLY)
			play.counts.moved++;
		else if (o.kind == SLIP_KIND_SPSC)
			use_spsc(&o, self);
		else if (o.kind == SLIP_KIND_RECORD)
			use_record(&o, self);
		(void)answer(0, CODES(0));
	}
}

static void find(const struct slip_region *rg, struct stream *in)
{
	static const char *const names[] = { "spsc", "record", "mirror", "",
					     "data" };
	struct slip_region_header h;
	size_t bytes = 0;
	void *mem;

	verb(in, "slip_region_find");
	mem = slip_region_find(rg, names[take_below(in, 5)], 0, &bytes);
	if (mem)
		answer_place(mem, bytes, rg->mem, rg->bytes);
	(void)answer(slip_region_describe(rg, &h), CODES(0));
}

static int forget(struct slip_peer *self, void *mem, size_t bytes, uint32_t id,
		  uint32_t gen)
{
	volatile char *at = mem;

	(void)self;
	(void)id;
	(void)gen;
	return (at[0] ^ at[bytes - 1]) & 0;
}

static void look_at_peers(const struct slip_region *rg, struct stream *in)
{
	struct slip_peer_info info;
	uint32_t id = take_below(in, 24);
	int rc;

	verb(in, "slip_peer_describe");
	rc = answer(slip_peer_describe(rg, id, &info), CODES(-EINVAL));
	if (!rc && strnlen(info.comm, 17) > 16)
		fail("a name without an end");
	verb(in, "slip_peer_alive");
	rc = slip_peer_alive(rg, id);
	(void)answer(rc > 0 ? 0 : rc, CODES(-EINVAL, -EBADMSG));
	verb(in, "slip_peer_member_alive");
	rc = slip_peer_member_alive(rg, id, (uint32_t)take_word(in));
	(void)answer(rc > 0 ? 0 : rc, CODES(-EINVAL));
}

#define JOIN CODES(-EUSERS, -EROFS, -EINVAL, -EBADMSG, -EAGAIN)

/* Whoever may open the file may lock it: one byte, or all that there are. */
static void lock(struct stream *in)
{
	uint32_t id = take_below(in, 10);
	uint32_t gen = take_below(in, 4);
	uint64_t base = take(in) & 1 ? SLIP_BYTE_BASE_ : SLIP_BYTE_RECOVERY_;
	int type = (int)take_below(in, 3);
	bool all = take_below(in, 4) == 0;

	play.counts.errors +=
		slip_file_lock_(vandal, type, slip_peer_byte_(base, id, gen),
				!all) != 0;
}

static void join(struct slip_peer *self, struct slip_region *rg,
		 struct stream *in)
{
	slip_peer_prepare(self, rg);
	if (take(in) & 1 &&
	    slip_peer_hook(self, KIND_DATA | SLIP_KIND_NAMES_PEERS, forget))
		fail("hook");
	verb(in, "slip_peer_enter");
	answer_moved(answer(slip_peer_enter(self), JOIN) == 0, 1);
}

static void recover(struct slip_peer *self, struct stream *in)
{
	int rc;

	verb(in, "slip_peer_recover");
	rc = slip_peer_recover(self);
	(void)answer(rc > 0 ? 0 : rc, CODES(-ENOTSUP, -EROFS));
}

static void leave(struct slip_peer *self, struct stream *in)
{
	verb(in, "slip_peer_leave");
	slip_peer_leave(self);
	(void)answer(0, CODES(0));
}

static void explore(struct slip_region *rg, struct stream *in)
{
	struct slip_peer self;

	play.live = true;
	find(rg, in);
	look_at_peers(rg, in);
	join(&self, rg, in);
	items(rg, in, self.id ? &self : NULL);
	recover(&self, in);
	leave(&self, in);
}

/* --- a file ---------------------------------------------------------------- */

#define OPEN                                                          \
	CODES(-EBADMSG, -EPROTO, -EPROTONOSUPPORT, -EAGAIN, -ENODATA, \
	      -EOVERFLOW, -EPERM, -EFAULT, -ENOMEM)

static struct arena arena; /* what will be in the file */

/* The image, spoilt as the stream says. */
static void spoil(struct stream *in, uint8_t *mem, size_t bytes)
{
	make_image();
	memcpy(mem, image, bytes);
	play.prey = (struct prey){ mem,
				   bytes,
				   0,
				   0,
				   4096,
				   named,
				   sizeof(named) / sizeof(named[0]),
				   { 0 } };
	for (uint32_t n = take_below(in, 6); n-- && bytes > 9000;) {
		play.random = take_word(in);
		scribble(&play.prey, &play.random);
		play.counts.scribbles++;
		play.counts.live++;
	}
	for (uint32_t n = take_below(in, 64);
	     n-- && in->left > 16 && bytes > 7;) {
		uint64_t v = take_word(in);

		memcpy(mem + take_word(in) % (bytes / 8) * 8, &v, 8);
	}
}

static int file_of(const uint8_t *bytes, size_t count)
{
	int fd = memfd_create("region", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || write(fd, bytes, count) != (ssize_t)count)
		fail("no file");
	return fd;
}

/* By name, or by descriptor; and somebody may shorten it at any moment. */
static int enter(struct slip_region *rg, struct stream *in, uint8_t how)
{
	unsigned flags = how & 8 ? SLIP_REGION_READONLY : 0;

	if (how & 16)
		flags |= SLIP_REGION_PREFAULT;
	if (how & 32)
		flags |= SLIP_REGION_MEMFD * !(how & 4);
	verb(in, "slip_region_open");
	if ((how & 4) && !hostile_bare)
		return answer(slip_region_open(rg, "/hostile", flags), OPEN);
	return answer(slip_region_adopt(rg, file_prey.fd, flags), OPEN);
}

static void reap(struct stream *in)
{
	verb(in, "slip_region_reap");
	(void)answer(
		slip_region_reap("/hostile"),
		CODES(-EBADMSG, -EPROTO, -EPROTONOSUPPORT, -ENOENT, -EBUSY));
}

/* Makes the file. Who writes to one that is cut gets the SIGBUS himself, so the
 * peer has a mapping of it only if it stays as long as it is. */
static uint8_t *make_file(struct stream *in, bool sealed, bool cut)
{
	uint8_t *back = NULL;

	make_image();
	if (!arena.start)
		arena_create(&arena);
	arena_place(&arena, image_bytes, 128, false);
	spoil(in, arena.mem, image_bytes);
	file_prey.fd = file_of(arena.mem, image_bytes);
	if (sealed &&
	    fcntl(file_prey.fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW))
		fail("seals");
	if (sealed || !cut)
		back = mmap(NULL, image_bytes, PROT_READ | PROT_WRITE,
			    MAP_SHARED, file_prey.fd, 0);
	if (back == MAP_FAILED)
		fail("no memory");
	play.prey.mem = back;
	file_prey.wait = cut ? 1 + take_below(in, 16) : 0;
	file_prey.bytes = take_word(in) % image_bytes;
	return back;
}

void region_file(struct stream *in)
{
	uint8_t how = take(in);
	uint8_t *back = make_file(in, how & 1, (how & 2) && !play.real);
	struct slip_region rg;

	if (enter(&rg, in, how) == 0) {
		if (back) {
			peer_loose();
			explore(&rg, in);
		}
		slip_region_close(&rg);
	}
	file_prey.wait = 0;
	peer_hold();
	reap(in);
	if (back)
		(void)munmap(back, image_bytes);
	close(file_prey.fd);
	file_prey.fd = -1;
}

/* --- memory ---------------------------------------------------------------- */

void region_memory(struct stream *in)
{
	uint8_t how = take(in);
	struct slip_region rg;
	size_t bytes;

	make_image();
	if (!arena.start)
		arena_create(&arena);
	bytes = how & 1 ? image_bytes : take_word(in) % image_bytes;
	arena_place(&arena, bytes, 128, false);
	spoil(in, arena.mem, bytes);
	if (bytes < 9000)
		memset(&play.prey, 0, sizeof(play.prey));
	else
		peer_loose();
	verb(in, "slip_region_attach");
	if (answer(slip_region_attach(&rg, arena.mem, bytes,
				      how & 2 ? slip_region_fd(&club()->rg)
					      : -1,
				      how & 4 ? SLIP_REGION_READONLY : 0),
		   OPEN) == 0) {
		play.counts.moved++;
		explore(&rg, in);
		slip_region_close(&rg);
	}
	arena_check(&arena);
}

/* --- the table of peers ---------------------------------------------------- */

static uint8_t *table_back;

static void open_table(void)
{
	void *mem;

	if (table_back)
		return;
	if (slip_region_create(&table, 4096,
			       SLIP_REGION_MEMFD | SLIP_REGION_PEERS(PEERS)))
		fail("create");
	add(&table, "spsc", SLIP_KIND_SPSC, slip_spsc_bytes(8, 8), &mem);
	if (slip_region_publish(&table, NULL, 0600))
		fail("publish");
	vandal = slip_file_reopen_(&table.file, SLIP_O_RDWR_);
	table_back = mmap(NULL, table.bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			  slip_region_fd(&table), 0);
	if (table_back == MAP_FAILED || vandal < 0)
		fail("no memory");
}

void peer_table(struct stream *in)
{
	static const uint16_t words[] = { 0, 128, 256, 384, 8 };
	struct slip_peer peers[HANDLES];

	open_table();
	if (slip_file_lock_(vandal, SLIP_LOCK_NONE_, SLIP_BYTE_BASE_, 0))
		fail("unlock");
	memset(table_back + TABLE_AT, 0, PEERS * 128);
	play.prey = (struct prey){ table_back + TABLE_AT,
				   PEERS * 128,
				   128,
				   0,
				   PEERS,
				   words,
				   5,
				   { 0 } };
	scribble_remember(&play.prey);
	for (int i = 0; i < HANDLES; i++)
		slip_peer_prepare(&peers[i], &table);
	play.live = true;
	peer_loose();
	while (in->left) {
		struct slip_peer *self = &peers[take_below(in, HANDLES)];
		uint8_t what = take(in) % 8;

		if (what < 3 && !self->id)
			join(self, &table, in);
		else if (what < 4)
			recover(self, in);
		else if (what < 5)
			leave(self, in);
		else if (what < 6)
			lock(in);
		else
			look_at_peers(&table, in);
	}
	for (int i = 0; i < HANDLES; i++)
		slip_peer_leave(&peers[i]);
}
