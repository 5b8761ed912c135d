/* SPDX-License-Identifier: MIT */
/* futex/region.h: building, publishing, opening, and each of its errors. */
#define _GNU_SOURCE
#include "atomics/test/check.h"
#include "futex/region_tools.h"
#include "futex/test/scratch.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#define KIND 7u

/* Publishes a region of one object "o" of 4096 bytes under `path`. */
static int make(const char *path, unsigned mode, unsigned flags)
{
	struct slip_region rg;
	int r = slip_region_create_at(&rg, scratch_dir(), 4096, flags);

	if (r)
		return r;
	if (!slip_region_add(&rg, "o", KIND, 4096))
		return -1;
	r = slip_region_publish(&rg, path, mode);
	slip_region_close(&rg);
	return r;
}

static void poke(const char *path, off_t at, const void *bytes, size_t n)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	cr_assert_geq(fd, 0);
	cr_assert_eq(pwrite(fd, bytes, n, at), (ssize_t)n);
	close(fd);
}

static int try_open(const char *path, unsigned flags)
{
	struct slip_region rg;
	int r = slip_region_open(&rg, path, flags);

	slip_region_close(&rg);
	return r;
}

/* --- the ordinary life ----------------------------------------------------- */

Test(region, documented_example)
{
	struct slip_region made, opened;
	char name[32];
	void *mem;
	size_t bytes = 0;

	snprintf(name, sizeof(name), "sliptest.%d", (int)getpid());
	cr_assert_eq(slip_region_create(&made, 4096, 0), 0);
	mem = slip_region_add(&made, "greeting", 7, 4096);
	cr_assert_not_null(mem);
	strcpy(mem, "hello");
	cr_assert_eq(slip_region_publish(&made, name, 0600), 0);
	cr_assert_eq(slip_region_open(&opened, name, 0), 0);
	cr_assert_eq(slip_region_unlink(name), 0);
	mem = slip_region_find(&opened, "greeting", 7, &bytes);
	cr_assert_not_null(mem);
	cr_assert_str_eq((char *)mem, "hello");
	cr_assert_eq(bytes, 4096u);
	slip_region_close(&opened);
	slip_region_close(&made);
}

Test(region, two_handles_share_bytes_at_different_addresses)
{
	struct slip_region a, b;
	char *x, *y;

	cr_assert_eq(make(scratch_path("r"), 0600, 0), 0);
	cr_assert_eq(slip_region_open(&a, scratch_path("r"), 0), 0);
	cr_assert_eq(slip_region_open(&b, scratch_path("r"), 0), 0);
	x = slip_region_find(&a, "o", KIND, NULL);
	y = slip_region_find(&b, "o", 0, NULL);
	cr_assert_not_null(x);
	cr_assert_not_null(y);
	cr_assert_neq(x, y);
	x[100] = 42;
	cr_assert_eq(y[100], 42);
	slip_region_close(&a);
	slip_region_close(&b);
}

Test(region, objects_are_zero_and_aligned)
{
	static const size_t sizes[] = { 1,    127,  128,   129,	  4095,
					4096, 4097, 65536, 10000, 3 };
	struct slip_region rg;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t sum = 0;
	char name[16];

	for (size_t i = 0; i < 10; i++)
		sum += sizes[i];
	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), sum, 0), 0);
	for (size_t i = 0; i < 10; i++) {
		size_t unit = sizes[i] >= page ? page : SLIP_APART_BYTES;
		char *mem;

		snprintf(name, sizeof(name), "object %zu", i);
		mem = slip_region_add(&rg, name, KIND, sizes[i]);
		cr_assert_not_null(mem, "size %zu", sizes[i]);
		cr_assert_eq((uintptr_t)mem % unit, 0u, "size %zu", sizes[i]);
		for (size_t k = 0; k < sizes[i]; k++)
			cr_assert_eq(mem[k], 0);
		memset(mem, 0xff, sizes[i]);
	}
	slip_region_close(&rg);
}

Test(region, sixty_four_objects_need_no_more_than_their_sum)
{
	struct slip_region rg;
	size_t each = (size_t)sysconf(_SC_PAGESIZE) + 1;
	char name[16];

	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 64 * each, 0),
		     0);
	for (int i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), "%d", i);
		cr_assert_not_null(slip_region_add(&rg, name, KIND, each));
	}
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0600), 0);
	slip_region_close(&rg);
	cr_assert_eq(slip_region_open(&rg, scratch_path("r"), 0), 0);
	cr_assert_not_null(slip_region_find(&rg, "63", KIND, NULL));
	slip_region_close(&rg);
}

Test(region, the_file_is_as_long_as_what_it_holds)
{
	struct slip_region_header h;
	struct slip_region rg;
	struct stat st;

	cr_assert_eq(make(scratch_path("r"), 0600, 0), 0);
	cr_assert_eq(slip_region_open(&rg, scratch_path("r"), 0), 0);
	cr_assert_eq(slip_region_describe(&rg, &h), 0);
	cr_assert_eq(stat(scratch_path("r"), &st), 0);
	cr_assert_eq((uint64_t)st.st_size, h.total_bytes);
	cr_assert_eq((uint64_t)st.st_blocks * 512, h.total_bytes);
	slip_region_close(&rg);
}

Test(region, find_needs_name_and_kind)
{
	struct slip_region rg;

	cr_assert_eq(make(scratch_path("r"), 0600, 0), 0);
	cr_assert_eq(slip_region_open(&rg, scratch_path("r"), 0), 0);
	cr_assert_null(slip_region_find(&rg, "p", KIND, NULL));
	cr_assert_null(slip_region_find(&rg, "", KIND, NULL));
	cr_assert_null(slip_region_find(&rg, "o", KIND + 1, NULL));
	cr_assert_not_null(slip_region_find(&rg, "o", KIND, NULL));
	slip_region_close(&rg);
}

Test(region, items_are_told_one_by_one)
{
	struct slip_region_object o;
	struct slip_region rg;

	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 20, 0), 0);
	cr_assert_not_null(slip_region_add(&rg, "a", 1, 10));
	cr_assert_not_null(slip_region_add(&rg, "b", 2, 10));
	cr_assert_eq(slip_region_item(&rg, 1, &o), 0);
	cr_assert_str_eq(o.name, "b");
	cr_assert_eq(o.kind, 2u);
	cr_assert_eq(o.bytes, 10u);
	cr_assert_eq(slip_region_item(&rg, 2, &o), -ENOENT);
	slip_region_close(&rg);
}

Test(region, describe_tells_creator_and_an_id_of_its_own)
{
	struct slip_region_header a, b;
	struct slip_region rg;
	struct stat st;

	cr_assert_eq(stat("/proc/self/ns/pid", &st), 0);
	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 0, 0), 0);
	cr_assert_eq(slip_region_describe(&rg, &a), 0);
	slip_region_close(&rg);
	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 0,
					   SLIP_REGION_PEERS(7)),
		     0);
	cr_assert_eq(slip_region_describe(&rg, &b), 0);
	slip_region_close(&rg);
	cr_assert_neq(memcmp(a.uuid, b.uuid, sizeof(a.uuid)), 0);
	cr_assert_eq(a.peers_max, 128u);
	cr_assert_eq(b.peers_max, 7u);
	cr_assert_eq(a.creator_pid, (uint32_t)getpid());
	cr_assert_eq(a.creator_uid, (uint32_t)geteuid());
	cr_assert_eq(a.pid_namespace, (uint64_t)st.st_ino);
	cr_assert_gt(a.creator_start, 0u);
	cr_assert_gt(b.created_ns, a.created_ns);
	cr_assert_eq(a.boot_hash, b.boot_hash);
}

Test(region, errno_stays)
{
	struct slip_region rg;

	(void)scratch_dir();
	errno = 4242;
	cr_assert_eq(make(scratch_path("r"), 0600, SLIP_REGION_PREFAULT), 0);
	cr_assert_eq(make(scratch_path("r"), 0600, 0), -EEXIST);
	cr_assert_eq(try_open(scratch_path("none"), 0), -ENOENT);
	cr_assert_eq(slip_region_open(&rg, scratch_path("r"), 0), 0);
	slip_region_close(&rg);
	cr_assert_eq(slip_region_reap(scratch_path("r")), 0);
	cr_assert_eq(errno, 4242);
}

Test(region, nothing_is_left_open_or_mapped)
{
	int fds, maps;

	(void)scratch_dir();
	for (int round = 0; round < 2; round++) {
		fds = scratch_fds();
		maps = scratch_count("/proc/self/map_files");
		cr_assert_eq(make(scratch_path("r"), 0600, 0), 0);
		cr_assert_eq(try_open(scratch_path("r"), SLIP_REGION_HUGE), 0);
		cr_assert_eq(slip_region_unlink(scratch_path("r")), 0);
		cr_assert_eq(scratch_fds(), fds);
		cr_assert_eq(scratch_count("/proc/self/map_files"), maps);
	}
}

/* --- create, place --------------------------------------------------------- */

Test(region, create_refuses_bad_arguments)
{
	static const unsigned bad[] = {
		0x80u,
		SLIP_REGION_READONLY,
		SLIP_REGION_MEMFD | SLIP_REGION_PRIVATE,
		SLIP_REGION_HUGETLB,
		SLIP_REGION_HUGETLB | SLIP_REGION_PRIVATE,
		0x10000000u,
	};
	struct slip_region rg;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(slip_region_create(&rg, 1, bad[i]), -EINVAL,
			     "flags %#x", bad[i]);
	cr_assert_eq(slip_region_create(&rg, ((size_t)1 << 46) + 1, 0),
		     -EINVAL);
	cr_assert_eq(slip_region_create(&rg, SIZE_MAX, 0), -EINVAL);
	slip_region_close(&rg);
}

Test(region, create_needs_a_directory)
{
	struct slip_region rg;
	int fd = open(scratch_path("file"), O_CREAT | O_RDWR, 0600);

	cr_assert_geq(fd, 0);
	close(fd);
	cr_assert_eq(slip_region_create_at(&rg, scratch_path("none"), 1, 0),
		     -ENOENT);
	cr_assert_eq(slip_region_create_at(&rg, scratch_path("file"), 1, 0),
		     -ENOTDIR);
}

Test(region, place_says_why_not)
{
	char name[SLIP_REGION_NAME_BYTES + 1];
	struct slip_region rg;
	void *mem = NULL;

	memset(name, 'n', sizeof(name));
	name[SLIP_REGION_NAME_BYTES] = '\0';
	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 100, 0), 0);
	cr_assert_eq(slip_region_place(&rg, "", 1, 1, &mem), -EINVAL);
	cr_assert_eq(slip_region_place(&rg, NULL, 1, 1, &mem), -EINVAL);
	cr_assert_eq(slip_region_place(&rg, "a", 1, 0, &mem), -EINVAL);
	cr_assert_eq(slip_region_place(&rg, "a", 1, SIZE_MAX, &mem), -EINVAL);
	cr_assert_eq(slip_region_place(&rg, name, 1, 1, &mem), -ENAMETOOLONG);
	cr_assert_eq(slip_region_place(&rg, "a", 1, (size_t)1 << 40, &mem),
		     -ENOSPC);
	cr_assert_null(mem);
	cr_assert_eq(slip_region_place(&rg, name + 1, 1, 1, &mem), 0);
	cr_assert_eq(slip_region_place(&rg, name + 1, 2, 1, &mem), -EEXIST);
	cr_assert_null(slip_region_add(&rg, name + 1, 2, 1));
	slip_region_close(&rg);
	cr_assert_eq(slip_region_place(&rg, "a", 1, 1, &mem), -EINVAL);
}

Test(region, the_sixty_fifth_object_is_refused)
{
	struct slip_region rg;
	char name[16];
	void *mem;

	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 65, 0), 0);
	for (int i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), "%d", i);
		cr_assert_eq(slip_region_place(&rg, name, 1, 1, &mem), 0);
	}
	cr_assert_eq(slip_region_place(&rg, "64", 1, 1, &mem), -ENOSPC);
	slip_region_close(&rg);
}

Test(region, only_the_creator_adds_and_only_before_publish)
{
	struct slip_region rg, other;
	void *mem;

	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 9, 0), 0);
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0600), 0);
	cr_assert_eq(slip_region_place(&rg, "a", 1, 1, &mem), -EPERM);
	cr_assert_eq(slip_region_publish(&rg, scratch_path("s"), 0600), -EPERM);
	cr_assert_eq(slip_region_open(&other, scratch_path("r"), 0), 0);
	cr_assert_eq(slip_region_place(&other, "a", 1, 1, &mem), -EPERM);
	cr_assert_eq(slip_region_publish(&other, scratch_path("s"), 0600),
		     -EPERM);
	slip_region_close(&other);
	slip_region_close(&rg);
}

static int limited_create(void *arg)
{
	struct rlimit limit = { 8192, 8192 };
	struct slip_region rg;

	(void)arg;
	if (setrlimit(RLIMIT_FSIZE, &limit))
		return 1;
	return slip_region_create_at(&rg, scratch_dir(), 1, 0) == -EFBIG ? 0
									 : 2;
}

Test(region, a_file_size_limit_is_an_error_and_no_signal)
{
	(void)scratch_dir();
	cr_assert_eq(actor_run(limited_create, NULL), 0);
}

/* --- publish --------------------------------------------------------------- */

Test(region, a_failed_publish_can_be_repeated)
{
	struct slip_region rg;
	char name[300];

	memset(name, 'n', sizeof(name));
	name[251] = '\0';
	cr_assert_eq(make(scratch_path("taken"), 0600, 0), 0);
	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 9, 0), 0);
	cr_assert_eq(slip_region_publish(&rg, scratch_path("taken"), 0600),
		     -EEXIST);
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 01000),
		     -EINVAL);
	cr_assert_eq(slip_region_publish(&rg, "", 0600), -EINVAL);
	cr_assert_eq(slip_region_publish(&rg, "tmp.x", 0600), -EINVAL);
	cr_assert_eq(slip_region_publish(&rg, name, 0600), -ENAMETOOLONG);
	name[251] = 'n';
	name[299] = '\0';
	cr_assert_eq(slip_region_publish(&rg, scratch_path("no/no"), 0600),
		     -ENOENT);
	cr_assert_eq(slip_region_publish(&rg, "/tmp/sliptest.r", 0600), -EXDEV);
	cr_assert_not_null(slip_region_add(&rg, "late", 1, 9));
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0600), 0);
	slip_region_close(&rg);
	cr_assert_eq(slip_region_open(&rg, scratch_path("r"), 0), 0);
	cr_assert_not_null(slip_region_find(&rg, "late", 1, NULL));
	slip_region_close(&rg);
}

Test(region, an_unpublished_region_leaves_no_name)
{
	struct slip_region rg;

	cr_assert_eq(slip_region_create_at(&rg, scratch_dir(), 9, 0), 0);
	cr_assert_eq(scratch_files(), 0);
	slip_region_close(&rg);
	cr_assert_eq(scratch_files(), 0);
}

static int racer(void *arg)
{
	char go;
	struct slip_region rg;
	int *gate = arg;

	if (slip_region_create_at(&rg, scratch_dir(), 9, 0))
		return 1;
	actor_ready();
	if (read(gate[0], &go, 1) != 1)
		return 2;
	switch (slip_region_publish(&rg, scratch_path("r"), 0600)) {
	case 0:
		return 10;
	case -EEXIST:
		return 20;
	default:
		return 3;
	}
}

Test(region, of_two_publishers_one_wins)
{
	struct actor a, b;
	int gate[2];
	int x, y;

	(void)scratch_dir();
	cr_assert_eq(pipe(gate), 0);
	cr_assert(actor_start(&a, racer, gate));
	cr_assert(actor_start(&b, racer, gate));
	cr_assert_eq(write(gate[1], "gg", 2), 2);
	x = actor_wait(&a);
	y = actor_wait(&b);
	cr_assert_eq(x + y, 30, "%d and %d", x, y);
	cr_assert_eq(try_open(scratch_path("r"), 0), 0);
}

Test(region, the_mode_is_what_the_umask_leaves)
{
	static const mode_t masks[] = { 0, 022, 027, 077, 0111, 0777 };
	static const mode_t modes[] = { 0600, 0660, 0666, 0640, 0400, 0777 };
	mode_t old = umask(0);
	struct stat st;

	(void)scratch_dir();
	for (int i = 0; i < 6; i++) {
		for (int k = 0; k < 6; k++) {
			umask(masks[i]);
			cr_assert_eq(make(scratch_path("r"), modes[k], 0), 0);
			cr_assert_eq(umask(0), masks[i]);
			cr_assert_eq(stat(scratch_path("r"), &st), 0);
			cr_assert_eq(st.st_mode & 07777, modes[k] & ~masks[i]);
			cr_assert_eq(unlink(scratch_path("r")), 0);
		}
	}
	umask(old);
}

/* As another user: 0 if the call gives -EACCES. */
static int as_nobody(int (*call)(void))
{
	if (setgid(65534) || setuid(65534))
		return 1;
	return call() == -EACCES ? 0 : 2;
}

static int open_r(void)
{
	return try_open(scratch_path("r"), 0);
}

static int open_r_readonly(void)
{
	return try_open(scratch_path("r"), SLIP_REGION_READONLY);
}

static int create_here(void)
{
	struct slip_region rg;

	return slip_region_create_at(&rg, scratch_dir(), 1, 0);
}

static int publish_here(void)
{
	struct slip_region rg;
	int r = slip_region_create(&rg, 1, 0);

	return r ? r : slip_region_publish(&rg, scratch_path("s"), 0600);
}

static int reap_r(void)
{
	return slip_region_reap(scratch_path("r"));
}

static int nobody_opens(void *arg)
{
	return as_nobody(*(int (**)(void))arg);
}

Test(region, permissions_are_told)
{
	static int (*const denied[])(void) = { open_r, open_r_readonly,
					       create_here, publish_here,
					       reap_r };

	if (geteuid() != 0)
		cr_skip("needs root, to become somebody else");
	cr_assert_eq(make(scratch_path("r"), 0600, 0), 0);
	cr_assert_eq(chmod(scratch_dir(), 0755), 0);
	for (size_t i = 0; i < 5; i++) {
		int (*call)(void) = denied[i];

		cr_assert_eq(actor_run(nobody_opens, &call), 0, "call %zu", i);
	}
}

static int nobody_reads(void *arg)
{
	(void)arg;
	if (setgid(65534) || setuid(65534))
		return 1;
	if (open_r_readonly())
		return 2;
	return open_r() == -EACCES ? 0 : 3;
}

Test(region, a_reader_needs_only_the_right_to_read)
{
	mode_t old = umask(0);

	if (geteuid() != 0)
		cr_skip("needs root, to become somebody else");
	cr_assert_eq(make(scratch_path("r"), 0644, 0), 0);
	umask(old);
	cr_assert_eq(actor_run(nobody_reads, NULL), 0);
}

/* --- open ------------------------------------------------------------------ */

Test(region, open_refuses_bad_arguments)
{
	struct slip_region rg;

	cr_assert_eq(slip_region_open(&rg, "x", SLIP_REGION_MEMFD), -EINVAL);
	cr_assert_eq(slip_region_open(&rg, "x", SLIP_REGION_PEERS(1u)),
		     -EINVAL);
	cr_assert_eq(slip_region_open(&rg, "", 0), -EINVAL);
	cr_assert_eq(slip_region_open(&rg, NULL, 0), -EINVAL);
	cr_assert_eq(slip_region_open(&rg, "tmp.0", 0), -EINVAL);
}

Test(region, open_of_nothing)
{
	cr_assert_eq(try_open(scratch_path("none"), 0), -ENOENT);
	cr_assert_eq(try_open("sliptest.no.such.region", 0), -ENOENT);
}

Test(region, open_of_a_foreign_file)
{
	char text[512];
	int fd;

	memset(text, 'x', sizeof(text));
	fd = open(scratch_path("f"), O_CREAT | O_RDWR, 0600);
	cr_assert_geq(fd, 0);
	close(fd);
	cr_assert_eq(try_open(scratch_path("f"), 0), -EBADMSG, "empty");
	poke(scratch_path("f"), 0, text, 255);
	cr_assert_eq(try_open(scratch_path("f"), 0), -EBADMSG, "short");
	poke(scratch_path("f"), 0, text, sizeof(text));
	cr_assert_eq(try_open(scratch_path("f"), 0), -EBADMSG, "other magic");
}

Test(region, open_of_what_is_no_file_does_not_hang)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(sun.sun_path, scratch_path("s"));
	cr_assert_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	cr_assert_eq(mkfifo(scratch_path("f"), 0600), 0);
	for (unsigned i = 0; i < 2; i++) {
		unsigned flags = i ? SLIP_REGION_READONLY : 0;

		cr_assert_eq(try_open(scratch_path("s"), flags), -EBADMSG);
		cr_assert_eq(try_open(scratch_path("f"), flags), -EBADMSG);
		cr_assert_eq(try_open(scratch_dir(), flags), -EBADMSG);
		cr_assert_eq(try_open("/dev/null", flags), -EBADMSG);
	}
	close(fd);
}

Test(region, open_does_not_follow_a_link)
{
	cr_assert_eq(make(scratch_path("r"), 0600, 0), 0);
	cr_assert_eq(symlink("r", scratch_path("l")), 0);
	cr_assert_eq(try_open(scratch_path("l"), 0), -ELOOP);
	cr_assert_eq(try_open(scratch_path("l"), SLIP_REGION_READONLY), -ELOOP);
}

Test(region, open_of_another_version_or_byte_order)
{
	uint64_t swapped = __builtin_bswap64(SLIP_REGION_MAGIC_);
	uint32_t order = __builtin_bswap32(SLIP_REGION_BYTE_ORDER_);
	uint32_t version = SLIP_REGION_VERSION_ + 1;

	cr_assert_eq(make(scratch_path("a"), 0600, 0), 0);
	poke(scratch_path("a"), 12, &version, 4);
	cr_assert_eq(try_open(scratch_path("a"), 0), -EPROTO);
	cr_assert_eq(slip_region_reap(scratch_path("a")), -EPROTO);
	poke(scratch_path("a"), 8, &order, 4);
	cr_assert_eq(try_open(scratch_path("a"), 0), -EPROTONOSUPPORT);
	poke(scratch_path("a"), 0, &swapped, 8);
	cr_assert_eq(try_open(scratch_path("a"), 0), -EPROTONOSUPPORT);
}

Test(region, open_of_a_truncated_file)
{
	struct stat st;

	cr_assert_eq(make(scratch_path("r"), 0600, 0), 0);
	cr_assert_eq(stat(scratch_path("r"), &st), 0);
	cr_assert_eq(truncate(scratch_path("r"), st.st_size - 1), 0);
	cr_assert_eq(try_open(scratch_path("r"), 0), -ENODATA);
	cr_assert_eq(truncate(scratch_path("r"), 256), 0);
	cr_assert_eq(try_open(scratch_path("r"), 0), -ENODATA);
	cr_assert_eq(truncate(scratch_path("r"), 255), 0);
	cr_assert_eq(try_open(scratch_path("r"), 0), -EBADMSG);
}

Test(region, a_longer_file_is_no_harm)
{
	cr_assert_eq(make(scratch_path("r"), 0600, 0), 0);
	cr_assert_eq(truncate(scratch_path("r"), 1 << 20), 0);
	cr_assert_eq(try_open(scratch_path("r"), 0), 0);
}

Test(region, open_of_an_unfinished_region)
{
	uint32_t built = SLIP_REGION_STATE_BUILT_;

	cr_assert_eq(make(scratch_path("r"), 0600, 0), 0);
	poke(scratch_path("r"), 124, &built, 4);
	cr_assert_eq(try_open(scratch_path("r"), 0), -EAGAIN);
}

Test(region, open_of_sizes_that_do_not_fit)
{
	static const struct {
		off_t at;
		size_t bytes;
		uint64_t value;
	} bad[] = {
		{ 16, 8, 0 },	       { 16, 8, UINT64_MAX },
		{ 16, 8, 8192 },       { 24, 8, 0 },
		{ 24, 8, UINT64_MAX }, { 24, 8, 24576 - 4096 },
		{ 24, 8, 24576 + 1 },  { 48, 4, 0 },
		{ 48, 4, 4097 },       { 48, 4, 0x80000000u },
		{ 48, 4, 2 << 20 },    { 52, 4, 0 },
		{ 52, 4, 129 },	       { 52, 4, 4096 },
		{ 52, 4, UINT32_MAX }, { 56, 8, 4096 },
		{ 64, 8, 0 },	       { 72, 4, 65 },
		{ 72, 4, 0 },	       { 76, 4, 65 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint32_t low = (uint32_t)bad[i].value;

		cr_assert_eq(make(scratch_path("r"), 0600, 0), 0);
		poke(scratch_path("r"), bad[i].at,
		     bad[i].bytes == 4 ? (const void *)&low
				       : (const void *)&bad[i].value,
		     bad[i].bytes);
		cr_assert_eq(try_open(scratch_path("r"), 0), -EOVERFLOW,
			     "offset %d value %llx", (int)bad[i].at,
			     (unsigned long long)bad[i].value);
		cr_assert_eq(unlink(scratch_path("r")), 0);
	}
}

static int store_to_readonly(void *arg)
{
	struct slip_region rg;
	char *mem;

	(void)arg;
	signal(SIGSEGV, SIG_DFL);
	if (slip_region_open(&rg, scratch_path("r"),
			     SLIP_REGION_READONLY | SLIP_REGION_PREFAULT))
		return 1;
	mem = slip_region_find(&rg, "o", KIND, NULL);
	if (!mem || mem[0])
		return 2;
	*(volatile char *)mem = 1;
	return 3;
}

Test(region, a_readonly_mapping_cannot_be_stored_to)
{
	cr_assert_eq(make(scratch_path("r"), 0600, 0), 0);
	/* A sanitizer turns the signal into an exit status of its own. */
	cr_assert_not(actor_run(store_to_readonly, NULL) >= 0 &&
		      actor_run(store_to_readonly, NULL) <= 3);
}

Test(region, unlink_while_mapped)
{
	struct slip_region a;
	char *mem;

	cr_assert_eq(make(scratch_path("r"), 0600, 0), 0);
	cr_assert_eq(slip_region_open(&a, scratch_path("r"), 0), 0);
	cr_assert_eq(slip_region_unlink(scratch_path("r")), 0);
	cr_assert_eq(slip_region_unlink(scratch_path("r")), -ENOENT);
	cr_assert_eq(try_open(scratch_path("r"), 0), -ENOENT);
	mem = slip_region_find(&a, "o", KIND, NULL);
	mem[4095] = 9;
	cr_assert_eq(mem[4095], 9);
	slip_region_close(&a);
}
