/* SPDX-License-Identifier: MIT */
/* slipring stat NAME: what is in a region, and who uses it. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ring/broadcast.h"
#include "ring/lanes.h"
#include "ring/latest.h"
#include "ring/mpmc.h"
#include "ring/record.h"
#include "ring/spsc.h"
#include "tools/slipring/stat.h"
#include "tools/slipring/view.h"

/* What the rings have in common; amounts in their unit. */
struct ring {
	const char *kind, *unit;
	uint64_t capacity, fill, pushed, popped;
	uint32_t elem_bytes; /* 0: records of any length */
	uint64_t records;    /* then: how many are in the ring */
	unsigned mode;
	uint64_t producer, consumer;	   /* role words, see ring/role.h */
	const struct slip_mpmc_info *many; /* then: many of each, in seats */
	const void *mem;
};

/* Kinds whose report stands in a file of its own. */
static const struct told {
	uint32_t kind;
	const char *name;
	int (*json)(const struct slip_region *rg,
		    const struct slip_region_object *o, json_t **out);
	int (*print)(const struct slip_region *rg,
		     const struct slip_region_object *o);
} told[] = {
	{ SLIP_KIND_CALL, "call ring", stat_call_json, stat_print_call },
	{ SLIP_KIND_PRIORITY, "priority ring", stat_priority_json,
	  stat_print_priority },
	{ SLIP_KIND_LATEST, "newest value", stat_latest_json,
	  stat_print_latest },
	{ SLIP_KIND_BROADCAST, "broadcast ring", stat_broadcast_json,
	  stat_print_broadcast },
	{ SLIP_KIND_LANES, "lanes ring", stat_lanes_json, stat_print_lanes },
};

/* NULL: of another kind. */
static const struct told *told_of(uint32_t kind)
{
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		if (told[i].kind == kind)
			return &told[i];
	return NULL;
}

/* --- facts ---------------------------------------------------------------- */

static int look_at_spsc(const struct slip_region_object *o, struct ring *r)
{
	struct slip_spsc_info info = { 0 };
	int rc = slip_spsc_inspect(o->mem, o->bytes, &info);

	*r = (struct ring){
		.kind = "spsc",
		.unit = "elements",
		.capacity = info.capacity,
		.fill = info.pushed_guess - info.popped_guess,
		.pushed = info.pushed_guess,
		.popped = info.popped_guess,
		.elem_bytes = info.elem_bytes,
		.mode = info.mode,
		.producer = info.producer,
		.consumer = info.consumer,
	};
	return rc;
}

static int look_at_record(const struct slip_region_object *o, struct ring *r)
{
	struct slip_record_info info = { 0 };
	int rc = -EAGAIN;

	/* Overtaken by a busy pair is a matter of luck. */
	for (int tries = 0; tries < 100 && rc == -EAGAIN; tries++)
		rc = slip_record_inspect(o->mem, o->bytes, &info);
	*r = (struct ring){
		.kind = "record",
		.unit = "bytes",
		.capacity = info.capacity,
		.fill = info.used_bytes_guess,
		.pushed = info.popped_bytes + info.used_bytes_guess,
		.popped = info.popped_bytes,
		.records = info.records_guess,
		.mode = info.mode,
		.producer = info.producer,
		.consumer = info.consumer,
	};
	return rc;
}

static int look_at_mpmc(const struct slip_region_object *o, struct ring *r)
{
	static struct slip_mpmc_info info;
	int rc = slip_mpmc_inspect(o->mem, o->bytes, &info);
	uint64_t fill = info.pushed_guess - info.popped_guess;

	*r = (struct ring){
		.kind = "mpmc",
		.unit = "elements",
		.capacity = info.capacity,
		/* The looks were one after the other. */
		.fill = fill > info.capacity ? 0 : fill,
		.pushed = info.pushed_guess,
		.popped = info.popped_guess,
		.elem_bytes = info.elem_bytes,
		.mode = info.mode,
		.many = &info,
		.mem = o->mem,
	};
	return rc;
}

/* 0; -errno: a ring, but damaged or too busy; 1: of a kind we do not know. */
static int look_at_ring(const struct slip_region_object *o, struct ring *r)
{
	if (o->kind == SLIP_KIND_SPSC)
		return look_at_spsc(o, r);
	if (o->kind == SLIP_KIND_RECORD)
		return look_at_record(o, r);
	if (o->kind == SLIP_KIND_MPMC)
		return look_at_mpmc(o, r);
	return 1;
}

const char *stat_mode_text(unsigned mode)
{
	return mode == SLIP_EVENT_ASYM	 ? "asym"
	       : mode == SLIP_EVENT_FULL ? "full"
					 : "rmw";
}

/* A role: who had or has it, and whether he lives. */
struct role {
	const char *state;
	struct slip_peer_info peer; /* id 0: not known */
};

static void look_at_role(const struct slip_region *rg, uint64_t word,
			 struct role *role)
{
	uint32_t id = (uint32_t)(word >> 4) & 0xfff;
	uint32_t gen = (uint32_t)(word >> 16);
	unsigned state = word & 15;

	static const char *const names[] = { "vacant", "held", "closed",
					     "dead" };

	memset(role, 0, sizeof(*role));
	if (state == SLIP_ROLE_HELD && id &&
	    slip_peer_member_alive(rg, id, gen) == 0)
		state = SLIP_ROLE_DEAD;
	role->state = state <= SLIP_ROLE_DEAD ? names[state] : "damaged";
	/* The record may be another's by now. */
	if (!id || slip_peer_describe(rg, id, &role->peer) ||
	    role->peer.gen != gen)
		role->peer.id = 0;
	make_printable(role->peer.comm);
}

/* The word of a seat, 0: it is free; from 1. */
static uint64_t seat_of(const struct ring *r, uint32_t seat)
{
	const struct slip_mpmc_info *info = r->many;
	struct slip_mpmc_shape shape;
	const unsigned char *at = r->mem;

	if (!slip_mpmc_shape_(&shape, info->capacity, info->elem_bytes,
			      info->flags | SLIP_MPMC_SEATS(info->seats)))
		return 0;
	at += sizeof(struct slip_mpmc_ring) + (seat - 1) * shape.seat_bytes;
	/* stat: it may be another's by now */
	return slip_a64_load_relaxed(&SLIP_CAST(const struct slip_mpmc_seat *,
						SLIP_CAST(const void *, at))
					      ->word);
}

static const char *roles_text(uint64_t seat)
{
	static const char *const names[] = { "nothing", "producer", "consumer",
					     "both" };

	return names[seat >> SLIP_MPMC_ROLES_SHIFT & 3];
}

static bool exclusive(uint64_t seat)
{
	return (seat >> SLIP_MPMC_ROLES_SHIFT & SLIP_EXCLUSIVE) != 0;
}

/* --- JSON ----------------------------------------------------------------- */

static json_t *peer_json(const struct slip_peer_info *p)
{
	uint64_t age = slip_now_ns() - p->joined_ns;

	return json_pack("{sI sI sI sI so sb sI sI}", "id", (json_int_t)p->id,
			 "generation", (json_int_t)p->gen, "pid",
			 (json_int_t)p->pid, "tid", (json_int_t)p->tid,
			 "command", text_json(p->comm), "alive", p->alive != 0,
			 "pid_namespace", (json_int_t)p->pid_namespace,
			 "joined_seconds", (json_int_t)(age / 1000000000));
}

json_t *stat_role_json(const struct slip_region *rg, uint64_t word)
{
	struct role role;

	look_at_role(rg, word, &role);
	if (!role.peer.id)
		return json_pack("{ss}", "state", role.state);
	return json_pack("{ss sI sI so}", "state", role.state, "peer",
			 (json_int_t)role.peer.id, "pid",
			 (json_int_t)role.peer.pid, "command",
			 text_json(role.peer.comm));
}

static json_t *seats_json(const struct slip_region *rg, const struct ring *r)
{
	json_t *list = json_array();

	for (uint32_t i = 1; i <= r->many->seats; i++) {
		uint64_t word = seat_of(r, i);
		json_t *seat;

		if (!word)
			continue;
		seat = stat_role_json(rg, word);
		(void)json_object_set_new(seat, "seat", json_integer(i));
		(void)json_object_set_new(seat, "role",
					  json_string(roles_text(word)));
		(void)json_object_set_new(seat, "exclusive",
					  json_boolean(exclusive(word)));
		(void)json_array_append_new(list, seat);
	}
	return list;
}

/* One of each, or many in seats. */
static json_t *users_json(const struct slip_region *rg, const struct ring *r)
{
	const struct slip_mpmc_info *info = r->many;

	if (!info)
		return json_pack("{so so}", "producer",
				 stat_role_json(rg, r->producer), "consumer",
				 stat_role_json(rg, r->consumer));
	return json_pack("{sb sI sI sI so}", "work_queue",
			 (info->flags & SLIP_MPMC_WORK) != 0, "held",
			 (json_int_t)info->held, "returned",
			 (json_int_t)info->returned, "seats_max",
			 (json_int_t)info->seats, "seats", seats_json(rg, r));
}

static json_t *ring_json(const struct slip_region *rg, const struct ring *r)
{
	json_t *out = json_pack(
		"{ss ss sI sI sI sI ss}", "kind", r->kind, "unit", r->unit,
		"capacity", (json_int_t)r->capacity, "fill",
		(json_int_t)r->fill, "pushed", (json_int_t)r->pushed, "popped",
		(json_int_t)r->popped, "event_mode", stat_mode_text(r->mode));
	json_t *users = users_json(rg, r);

	(void)json_object_update(out, users);
	json_decref(users);
	if (r->elem_bytes)
		(void)json_object_set_new(out, "elem_bytes",
					  json_integer(r->elem_bytes));
	else
		(void)json_object_set_new(out, "records",
					  json_integer((json_int_t)r->records));
	return out;
}

static json_t *object_json(const struct slip_region *rg,
			   const struct slip_region_object *o)
{
	json_t *out =
		json_pack("{so sI sI sI}", "name", text_json(o->name),
			  "kind_number", (json_int_t)o->kind, "offset",
			  (json_int_t)o->offset, "bytes", (json_int_t)o->bytes);
	const struct told *own = told_of(o->kind);
	struct ring ring;
	json_t *about = NULL;
	int rc = own ? own->json(rg, o, &about) : look_at_ring(o, &ring);

	if (rc == 0 && !about)
		about = ring_json(rg, &ring);
	if (rc == 0)
		(void)json_object_set_new(out, "ring", about);
	else if (rc < 0)
		(void)json_object_set_new(out, "error", json_string(cause(rc)));
	return out;
}

static void uuid_text(const uint8_t uuid[16], char text[33])
{
	for (size_t i = 0; i < 16; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", uuid[i]);
}

static json_t *header_json(const struct slip_region_header *h)
{
	char uuid[33];

	uuid_text(h->uuid, uuid);
	return json_pack("{sI ss sI sI sI sI}", "version",
			 (json_int_t)h->version, "uuid", uuid, "page_bytes",
			 (json_int_t)h->page_bytes, "peers_max",
			 (json_int_t)h->peers_max, "creator_pid",
			 (json_int_t)h->creator_pid, "creator_uid",
			 (json_int_t)h->creator_uid);
}

static int print_as_json(const struct view *v, const struct slip_region *rg)
{
	json_t *out = view_json(v), *objects = json_array();
	json_t *peers = json_array();
	struct slip_region_object object;
	struct slip_peer_info peer;
	int rc = 0;

	for (uint32_t i = 0; rc != -ENOENT && rc != -ECHILD; i++) {
		rc = slip_region_item(rg, i, &object);
		if (!rc)
			(void)json_array_append_new(objects,
						    object_json(rg, &object));
	}
	for (uint32_t id = 1; id <= rg->peers_max; id++)
		if (!slip_peer_describe(rg, id, &peer) && peer.joined)
			(void)json_array_append_new(peers, peer_json(&peer));
	/* "objects" is no longer the number but the things themselves. */
	(void)json_object_set_new(out, "header", header_json(&v->header));
	(void)json_object_set_new(out, "objects", objects);
	(void)json_object_set_new(out, "peers", peers);
	return print_json(out);
}

/* --- text ----------------------------------------------------------------- */

static void print_holder(const struct slip_region *rg, uint64_t word)
{
	struct role role;

	look_at_role(rg, word, &role);
	(void)printf("%s", role.state);
	if (role.peer.id)
		(void)printf(", peer %u (pid %u, %s)", role.peer.id,
			     role.peer.pid, role.peer.comm);
	(void)putchar('\n');
}

void stat_print_role(const char *name, const struct slip_region *rg,
		     uint64_t word)
{
	(void)printf("    %-10s ", name);
	print_holder(rg, word);
}

static void print_seats(const struct slip_region *rg, const struct ring *r)
{
	const struct slip_mpmc_info *info = r->many;

	if (info->flags & SLIP_MPMC_WORK)
		(void)printf("    %-10s %u returned, to be taken again\n",
			     "work queue", info->returned);
	(void)printf("    %-10s %u taken, or kept by who is slow\n", "slots",
		     info->held);
	(void)printf("    %-10s %u producers, %u consumers, room for %u\n",
		     "seats", info->producers, info->consumers, info->seats);
	for (uint32_t i = 1; i <= info->seats; i++) {
		uint64_t word = seat_of(r, i);

		if (!word)
			continue;
		(void)printf("    seat %-5u %s%s ", i,
			     exclusive(word) ? "only " : "", roles_text(word));
		print_holder(rg, word);
	}
}

static void print_ring(const struct slip_region *rg, const struct ring *r)
{
	double part = r->capacity ? (double)r->fill / (double)r->capacity : 0;

	(void)printf("    %-10s %" PRIu64 " of %" PRIu64 " %s (%.0f%%)", "fill",
		     r->fill, r->capacity, r->unit, part * 100);
	if (r->elem_bytes)
		(void)printf(", %u bytes each", r->elem_bytes);
	else
		(void)printf(", %" PRIu64 " records", r->records);
	(void)printf("\n    %-10s %" PRIu64 " pushed, %" PRIu64 " popped\n",
		     "counters", r->pushed, r->popped);
	if (r->many) {
		print_seats(rg, r);
		return;
	}
	stat_print_role("producer", rg, r->producer);
	stat_print_role("consumer", rg, r->consumer);
}

static void print_object(const struct slip_region *rg,
			 struct slip_region_object *o)
{
	char size[SIZE_TEXT_BYTES];
	const struct told *own = told_of(o->kind);
	struct ring ring;
	int rc = own ? 0 : look_at_ring(o, &ring);

	make_printable(o->name);
	(void)printf("object %s: ", o->name);
	if (own)
		(void)printf("%s", own->name);
	else if (rc > 0)
		(void)printf("kind %u", o->kind);
	else
		(void)printf("%s ring", ring.kind);
	(void)printf(", %s at %" PRIu64 "\n", size_text(size, o->bytes),
		     o->offset);
	if (own)
		rc = own->print(rg, o);
	else if (rc == 0)
		print_ring(rg, &ring);
	if (rc < 0)
		(void)printf("    %s\n", cause(rc));
}

static void print_peer(struct slip_peer_info *p)
{
	char age[TIME_TEXT_BYTES];

	make_printable(p->comm);
	(void)printf(
		"peer %-4u %-5s pid %u, %s, joined %s ago\n", p->id,
		p->alive ? "alive" : "dead", p->pid, p->comm,
		time_text(age, (slip_now_ns() - p->joined_ns) / 1000000000));
}

static void print_header(const struct view *v)
{
	char size[SIZE_TEXT_BYTES], age[TIME_TEXT_BYTES];
	char owner[OWNER_TEXT_BYTES], uuid[33];

	uuid_text(v->header.uuid, uuid);
	make_printable(v->path);
	(void)printf("%s: %s, mode %04o, owner %s, %s\n", v->path,
		     size_text(size, (uint64_t)v->st.st_size),
		     v->st.st_mode & 07777, owner_text(owner, v->st.st_uid),
		     view_state(v));
	(void)printf("made %s ago by pid %u; version %u, uuid %s, room for %u "
		     "peers\n",
		     time_text(age, view_age(v)), v->header.creator_pid,
		     v->header.version, uuid, v->header.peers_max);
}

static int print_as_text(const struct view *v, const struct slip_region *rg)
{
	struct slip_region_object object;
	struct slip_peer_info peer;
	int rc = 0;

	print_header(v);
	for (uint32_t i = 0; rc != -ENOENT && rc != -ECHILD; i++) {
		rc = slip_region_item(rg, i, &object);
		if (!rc)
			print_object(rg, &object);
	}
	for (uint32_t id = 1; id <= rg->peers_max; id++)
		if (!slip_peer_describe(rg, id, &peer) && peer.joined)
			print_peer(&peer);
	return finish_output(STATUS_OK);
}

/* --- the command ---------------------------------------------------------- */

struct options {
	const char *name;
	bool json;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	if (key == 'j')
		o->json = true;
	else if (!parse_name(key, arg, state, &o->name))
		return ARGP_ERR_UNKNOWN;
	return 0;
}

int cmd_stat(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "json", 'j', NULL, 0, "Report as JSON", 0 },
		{ 0 },
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "NAME",
		.doc = "Show what is in a region, and who uses it.\vNothing is "
		       "written to it. Numbers of a ring in use are read one "
		       "after the other.",
	};
	struct options o = { NULL, false };
	struct slip_region rg;
	struct view v;
	int status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &o))
		return STATUS_USAGE;
	(void)view_look(&v, o.name, &rg);
	if (v.error) {
		status = complain(o.name, "%s", cause(v.error));
	} else {
		status = o.json ? print_as_json(&v, &rg)
				: print_as_text(&v, &rg);
		slip_region_close(&rg);
	}
	view_drop(&v);
	return status;
}
