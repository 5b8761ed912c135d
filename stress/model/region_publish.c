/* SPDX-License-Identifier: MIT */
/*
 * REGION-R1/A1: who sees READY finds header, directory and objects. The reader
 * does what slip_region_attach() does between its system calls.
 */
#include "client.h"

static struct {
	_Alignas(128) unsigned char mem[8192 + 4096 + 128];
	uint32_t life;
	struct slip_region maker;
	struct slip_region user;
	uint32_t got;
} s;

/* What slip_region_format() leaves, by the words that are used here. */
static void format(struct slip_region *rg)
{
	struct slip_region_header *h;

	rg->mem = (char *)s.mem;
	rg->life = &s.life;
	rg->file.fd = -1;
	rg->flags = SLIP_REGION_FOREIGN_ | SLIP_REGION_BUILDING_;
	rg->page_bytes = 4096;
	rg->peers_max = 1;
	rg->bytes = sizeof(s.mem);
	rg->header_bytes = slip_region_head_bytes_(1);
	h = slip_region_header_(rg);
	h->magic = SLIP_REGION_MAGIC_;
	h->byte_order = SLIP_REGION_BYTE_ORDER_;
	h->version = SLIP_REGION_VERSION_;
	h->header_bytes = rg->header_bytes;
	h->page_bytes = rg->page_bytes;
	h->peers_max = rg->peers_max;
	h->peers_offset = SLIP_REGION_PEERS_AT_;
	h->directory_offset = SLIP_REGION_DIRECTORY_AT_;
	h->directory_max = SLIP_REGION_OBJECTS_MAX;
}

static void *maker(void *arg)
{
	struct slip_region_entry *entry;
	int rc;

	format(&s.maker);
	entry = slip_region_entry_(&s.maker, 0);
	entry->kind = 7;
	entry->offset = s.maker.header_bytes;
	entry->bytes = 4;
	*(uint32_t *)(void *)(s.mem + entry->offset) = 42;
	s.maker.objects = 1;
	rc = slip_region_publish(&s.maker, NULL, 0);
	assert(!rc);
	return arg;
}

static void *user(void *arg)
{
	const struct slip_region_entry *entry;
	struct slip_region_header *h;
	int rc;

	s.user.mem = (char *)s.mem;
	h = slip_region_header_(&s.user);
	AWAIT(slip_a32_load_acquire(&h->state) == SLIP_REGION_STATE_READY_);
	rc = slip_region_learn_(&s.user, h);
	assert(!rc && s.user.objects == 1);
	entry = slip_region_entry_(&s.user, 0);
	assert(entry->kind == 7 && entry->bytes == 4);
	s.got = *(uint32_t *)(void *)(s.mem + entry->offset);
	return arg;
}

void check(void)
{
	assert(s.got == 42);
}

int main(void)
{
	pthread_t t[2];
	int rc;

	client_begin(&s, sizeof(s));
	s.life = 1;
	rc = pthread_create(&t[0], NULL, maker, NULL) ||
	     pthread_create(&t[1], NULL, user, NULL);
	assert(!rc);
	rc = pthread_join(t[0], NULL) || pthread_join(t[1], NULL);
	assert(!rc);
	check();
	return 0;
}
