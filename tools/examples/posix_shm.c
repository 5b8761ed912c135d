/* SPDX-License-Identifier: MIT */
/*
 * Instead of shm_open(3), ftruncate(2) and mmap(2): a region. It has pages
 * from the start (no SIGBUS later), is complete when its name appears, and
 * says where in it is what. As ever, who has it open keeps it when its name
 * is taken away.
 */
#include "tools/examples/example.h"

#include "futex/region_tools.h"

#define KIND 7 /* of our own object */

static char name[64];

/* Another program: this one, run again, knows only the name. */
static int stranger(const char *region)
{
	struct slip_region rg;
	size_t bytes = 0;
	const char *text;

	must(slip_region_open(&rg, region, SLIP_REGION_READONLY) == 0, "open");
	text = (const char *)slip_region_find(&rg, "text", KIND, &bytes);
	must(text && bytes == 4096, "find");
	must(strcmp(text, "hello") == 0, "what the creator wrote is there");
	slip_region_close(&rg);
	return 0;
}

static int run_stranger(void)
{
	(void)execl("/proc/self/exe", "posix_shm", name, (char *)NULL);
	return 1;
}

int main(int argc, char **argv)
{
	struct slip_region rg, second;
	char *text;

	if (argc > 1)
		return stranger(argv[1]);
	(void)snprintf(name, sizeof(name), "example.shm.%d", (int)getpid());
	must(slip_region_create(&rg, 4096, 0) == 0, "create");
	text = (char *)slip_region_add(&rg, "text", KIND, 4096);
	must(text != NULL, "add");
	must(slip_region_open(&second, name, 0) == -ENOENT,
	     "nobody sees what is half made");
	memcpy(text, "hello", 6);
	must(slip_region_publish(&rg, name, 0600) == 0, "publish");

	must(slip_region_create(&second, 4096, 0) == 0 &&
		     slip_region_publish(&second, name, 0600) == -EEXIST,
	     "O_EXCL: a name is given once");
	slip_region_close(&second);
	must(went_well(start(run_stranger)), "another program reads it");

	must(slip_region_reap(name) == -EBUSY, "it is in use");
	must(slip_region_unlink(name) == 0, "shm_unlink");
	must(slip_region_open(&second, name, 0) == -ENOENT, "the name is gone");
	must(strcmp(text, "hello") == 0, "the memory is not");
	slip_region_close(&rg);
	return 0;
}
