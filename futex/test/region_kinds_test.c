/* SPDX-License-Identifier: MIT */
/*
 * futex/region.h and futex/region_memory.h: memfd, private and borrowed
 * memory, huge pages, prefault, fork, descriptor passing, mirrors, reaping.
 */
#define _GNU_SOURCE
#include "atomics/test/check.h"
#include "futex/region_memory.h"
#include "futex/region_tools.h"
#include "futex/test/scratch.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>

#define KIND 7u
#define MIB  ((size_t)1 << 20)

static size_t page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* A region of one object, built but not published. */
static int build(struct slip_region *rg, size_t bytes, unsigned flags)
{
	int r = slip_region_create_at(rg, scratch_dir(), bytes, flags);

	if (r)
		return r;
	return slip_region_add(rg, "o", KIND, bytes) ? 0 : -1;
}

/* --- memfd ----------------------------------------------------------------- */

Test(region_memfd, is_sealed_by_publish)
{
	struct slip_region rg;
	struct stat st;
	int fd;

	cr_assert_eq(build(&rg, 5000, SLIP_REGION_MEMFD), 0);
	cr_assert_eq(slip_region_publish(&rg, "name", 0600), -EINVAL);
	cr_assert_eq(slip_region_publish(&rg, NULL, 0600), 0);
	fd = slip_region_fd(&rg);
	cr_assert_eq(fcntl(fd, F_GET_SEALS) &
			     (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW),
		     F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW);
	cr_assert_eq(ftruncate(fd, 0), -1);
	cr_assert_eq(errno, EPERM);
	cr_assert_eq(ftruncate(fd, 1 << 20), -1);
	cr_assert_eq(errno, EPERM);
	cr_assert_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	cr_assert_eq(fstat(fd, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600u);
	slip_region_close(&rg);
}

Test(region_memfd, is_adopted_but_not_before_publish)
{
	struct slip_region rg, other;
	char *mem;

	cr_assert_eq(build(&rg, 5000, SLIP_REGION_MEMFD), 0);
	cr_assert_eq(slip_region_adopt(&other, slip_region_fd(&rg), 0),
		     -EAGAIN);
	cr_assert_eq(slip_region_publish(&rg, NULL, 0600), 0);
	cr_assert_eq(slip_region_adopt(&other, slip_region_fd(&rg), 0), 0);
	cr_assert_neq(slip_region_fd(&other), slip_region_fd(&rg));
	mem = slip_region_find(&other, "o", KIND, NULL);
	cr_assert_not_null(mem);
	slip_region_close(&rg);
	mem[4999] = 1;
	slip_region_close(&other);
}

/* A copy of the region, as bytes, in a memfd that its maker can still cut. */
static int imitate(const struct slip_region *rg)
{
	int fd = memfd_create("imitation", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || write(fd, rg->mem, rg->bytes) != (ssize_t)rg->bytes)
		abort();
	return fd;
}

Test(region_memfd, adopt_can_demand_the_seals)
{
	struct slip_region rg, other;
	int fd;

	cr_assert_eq(build(&rg, 5000, SLIP_REGION_MEMFD), 0);
	cr_assert_eq(slip_region_publish(&rg, NULL, 0600), 0);
	cr_assert_eq(slip_region_adopt(&other, slip_region_fd(&rg),
				       SLIP_REGION_MEMFD),
		     0);
	slip_region_close(&other);
	fd = imitate(&rg);
	cr_assert_eq(slip_region_adopt(&other, fd, 0), 0);
	slip_region_close(&other);
	cr_assert_eq(slip_region_adopt(&other, fd, SLIP_REGION_MEMFD), -EPERM);
	cr_assert_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	cr_assert_eq(slip_region_adopt(&other, fd, SLIP_REGION_MEMFD), -EPERM);
	cr_assert_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
	cr_assert_eq(slip_region_adopt(&other, fd, SLIP_REGION_MEMFD), 0);
	slip_region_close(&other);
	slip_region_close(&rg);
	close(fd);
	/* Files have no seals: /dev/shm's say so, others do not know the call */
	cr_assert_eq(build(&rg, 100, 0), 0);
	cr_assert_eq(slip_region_publish(&rg, NULL, 0600), 0);
	cr_assert_eq(slip_region_adopt(&other, slip_region_fd(&rg),
				       SLIP_REGION_MEMFD),
		     -EPERM);
	slip_region_close(&rg);
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	cr_assert_eq(
		slip_region_adopt(&other, fd,
				  SLIP_REGION_MEMFD | SLIP_REGION_READONLY),
		-EPERM);
	close(fd);
	cr_assert_eq(slip_region_open(&other, "x", SLIP_REGION_MEMFD), -EINVAL);
}

Test(region_memfd, adopt_of_something_else)
{
	struct slip_region rg;
	int ends[2];
	int fd = open(scratch_path("f"), O_CREAT | O_RDWR, 0600);

	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(slip_region_adopt(&rg, -1, 0), -EBADF);
	cr_assert_eq(slip_region_adopt(&rg, 9999, 0), -EBADF);
	cr_assert_eq(slip_region_adopt(&rg, fd, 0), -EBADMSG);
	cr_assert_eq(slip_region_adopt(&rg, ends[0], 0), -EBADMSG);
	cr_assert_eq(slip_region_adopt(&rg, fd, SLIP_REGION_PRIVATE), -EINVAL);
	close(fd);
	close(ends[0]);
	close(ends[1]);
}

static int receive_and_adopt(void *arg)
{
	int *sockets = arg;
	char byte;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct slip_region rg;
	struct cmsghdr *c;
	char *mem;
	int fd;

	actor_ready();
	if (recvmsg(sockets[1], &msg, 0) != 1)
		return 1;
	c = CMSG_FIRSTHDR(&msg);
	if (!c)
		return 4;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	if (slip_region_adopt(&rg, fd, SLIP_REGION_PREFAULT))
		return 2;
	close(fd);
	mem = slip_region_find(&rg, "o", KIND, NULL);
	if (!mem || strcmp(mem, "ping"))
		return 3;
	strcpy(mem, "pong");
	slip_region_close(&rg);
	return 0;
}

Test(region_memfd, passes_through_a_socket)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	char byte = 'x';
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct slip_region rg;
	struct cmsghdr *c;
	struct actor a;
	int sockets[2];
	int fd;
	char *mem;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	/* Started first, so it inherits nothing of the region. */
	cr_assert(actor_start(&a, receive_and_adopt, sockets));
	cr_assert_eq(build(&rg, 100, SLIP_REGION_MEMFD), 0);
	mem = slip_region_find(&rg, "o", KIND, NULL);
	strcpy(mem, "ping");
	cr_assert_eq(slip_region_publish(&rg, NULL, 0600), 0);
	memset(control, 0, sizeof(control));
	c = CMSG_FIRSTHDR(&msg);
	if (!c)
		abort();
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	fd = slip_region_fd(&rg);
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	cr_assert_eq(sendmsg(sockets[0], &msg, 0), 1);
	cr_assert_eq(actor_wait(&a), 0);
	cr_assert_str_eq(mem, "pong");
	slip_region_close(&rg);
}

Test(region_memfd, a_file_may_be_published_without_a_name)
{
	struct slip_region rg, other;

	cr_assert_eq(build(&rg, 100, 0), 0);
	cr_assert_eq(slip_region_publish(&rg, NULL, 0600), 0);
	cr_assert_eq(scratch_files(), 0);
	cr_assert_eq(slip_region_adopt(&other, slip_region_fd(&rg),
				       SLIP_REGION_READONLY),
		     0);
	cr_assert_not_null(slip_region_find(&other, "o", KIND, NULL));
	slip_region_close(&other);
	slip_region_close(&rg);
}

Test(region_memfd, until_published_a_file_is_its_creators_alone)
{
	struct slip_region rg;
	mode_t old = umask(0);
	struct stat st;

	cr_assert_eq(build(&rg, 100, 0), 0);
	cr_assert_eq(fstat(slip_region_fd(&rg), &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0600u);
	cr_assert_eq(slip_region_publish(&rg, NULL, 0644), 0);
	cr_assert_eq(fstat(slip_region_fd(&rg), &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0644u);
	umask(old);
	slip_region_close(&rg);
}

/* --- private and borrowed memory ------------------------------------------- */

Test(region_private, has_no_descriptor_and_no_name)
{
	struct slip_region rg;
	char *mem;

	cr_assert_eq(build(&rg, 9 * page(), SLIP_REGION_PRIVATE), 0);
	cr_assert_eq(slip_region_fd(&rg), -1);
	cr_assert_eq(slip_region_publish(&rg, "name", 0600), -EINVAL);
	cr_assert_eq(slip_region_publish(&rg, NULL, 0), 0);
	mem = slip_region_find(&rg, "o", KIND, NULL);
	cr_assert_not_null(mem);
	memset(mem, 1, 9 * page());
	slip_region_close(&rg);
}

static char borrowed[1 << 16] __attribute__((aligned(4096)));

Test(region_memory, format_then_attach)
{
	struct slip_region rg, other;
	size_t bytes = 0;
	char *mem;

	memset(borrowed, 0xaa, sizeof(borrowed));
	cr_assert_eq(slip_region_format(&rg, borrowed, sizeof(borrowed), -1,
					SLIP_REGION_PEERS(3u)),
		     0);
	cr_assert_eq(
		slip_region_attach(&other, borrowed, sizeof(borrowed), -1, 0),
		-EAGAIN);
	mem = slip_region_add(&rg, "o", KIND, 5000);
	cr_assert_not_null(mem);
	for (int i = 0; i < 5000; i++)
		cr_assert_eq(mem[i], 0);
	cr_assert_null(slip_region_add(&rg, "p", KIND, sizeof(borrowed)));
	cr_assert_eq(slip_region_publish(&rg, "name", 0), -EINVAL);
	cr_assert_eq(slip_region_publish(&rg, NULL, 0), 0);
	cr_assert_eq(
		slip_region_attach(&other, borrowed, sizeof(borrowed), -1, 0),
		0);
	cr_assert_eq(other.peers_max, 3u);
	cr_assert_eq((void *)mem, slip_region_find(&other, "o", KIND, &bytes));
	cr_assert_eq(bytes, 5000u);
	slip_region_close(&rg);
	slip_region_close(&other);
	mem[0] = 1;
}

Test(region_memory, format_says_why_not)
{
	struct slip_region rg;

	cr_assert_eq(slip_region_format(&rg, NULL, 65536, -1, 0), -EINVAL);
	cr_assert_eq(slip_region_format(&rg, borrowed + 64, 65536 - 64, -1, 0),
		     -EINVAL);
	cr_assert_eq(
		slip_region_format(&rg, borrowed, 65536, -1, SLIP_REGION_HUGE),
		-EINVAL);
	cr_assert_eq(
		slip_region_format(&rg, borrowed, 65536, -1, SLIP_REGION_MEMFD),
		-EINVAL);
	cr_assert_eq(slip_region_format(&rg, borrowed, 24575, -1, 0), -ENOSPC);
	cr_assert_eq(slip_region_format(&rg, borrowed, 65536, 9999, 0), -EBADF);
	cr_assert_eq(slip_region_format(&rg, borrowed, 65536, -1, 0), 0);
	slip_region_close(&rg);
}

Test(region_memory, attach_says_why_not)
{
	struct slip_region_header *h = (void *)borrowed;
	struct slip_region rg;

	memset(borrowed, 0, sizeof(borrowed));
	cr_assert_eq(slip_region_attach(&rg, borrowed, 65536, -1, 0), -EBADMSG);
	cr_assert_eq(slip_region_format(&rg, borrowed, 65536, -1, 0), 0);
	cr_assert_eq(slip_region_publish(&rg, NULL, 0), 0);
	slip_region_close(&rg);
	cr_assert_eq(slip_region_attach(&rg, NULL, 65536, -1, 0), -EINVAL);
	cr_assert_eq(
		slip_region_attach(&rg, borrowed, 65536, -1, SLIP_REGION_HUGE),
		-EINVAL);
	cr_assert_eq(slip_region_attach(&rg, borrowed, 255, -1, 0), -EBADMSG);
	cr_assert_eq(slip_region_attach(&rg, borrowed, 65535, -1, 0), -ENODATA);
	h->header_bytes++;
	cr_assert_eq(slip_region_attach(&rg, borrowed, 65536, -1, 0),
		     -EOVERFLOW);
	h->version++;
	cr_assert_eq(slip_region_attach(&rg, borrowed, 65536, -1, 0), -EPROTO);
	h->byte_order++;
	cr_assert_eq(slip_region_attach(&rg, borrowed, 65536, -1, 0),
		     -EPROTONOSUPPORT);
}

/* --- pages ----------------------------------------------------------------- */

Test(region_pages, huge_is_a_wish)
{
	struct slip_region rg;

	cr_assert_eq(build(&rg, 4 * MIB, SLIP_REGION_HUGE), 0);
	cr_assert_eq((uintptr_t)rg.mem % (2 * MIB), 0u);
	slip_region_close(&rg);
	cr_assert_eq(build(&rg, 4 * MIB,
			   SLIP_REGION_HUGE | SLIP_REGION_MEMFD |
				   SLIP_REGION_PREFAULT),
		     0);
	cr_assert_eq((uintptr_t)rg.mem % (2 * MIB), 0u);
	memset(slip_region_find(&rg, "o", KIND, NULL), 1, 4 * MIB);
	slip_region_close(&rg);
	cr_assert_eq(
		build(&rg, 4 * MIB, SLIP_REGION_HUGE | SLIP_REGION_PRIVATE), 0);
	slip_region_close(&rg);
	cr_assert_eq(build(&rg, 100, SLIP_REGION_HUGE), 0);
	slip_region_close(&rg);
}

Test(region_pages, hugetlb_works_or_says_that_the_pool_is_empty)
{
	unsigned flags = SLIP_REGION_MEMFD | SLIP_REGION_HUGETLB;
	struct slip_region_header h;
	struct slip_region rg, other;
	int r = build(&rg, 100, flags);

	if (r == -ENOSPC || r == -ENOMEM || r == -ENOSYS || r == -EINVAL)
		cr_skip("no hugetlb pool here, told by %d", r);
	cr_assert_eq(r, 0);
	cr_assert_eq(slip_region_publish(&rg, NULL, 0600), 0);
	cr_assert_eq(slip_region_describe(&rg, &h), 0);
	cr_assert_geq(h.page_bytes, 1u << 16);
	cr_assert_eq(h.total_bytes % h.page_bytes, 0u);
	cr_assert_eq(slip_region_adopt(&other, slip_region_fd(&rg), 0), 0);
	cr_assert_not_null(slip_region_find(&other, "o", KIND, NULL));
	slip_region_close(&other);
	slip_region_close(&rg);
}

/* How many pages of a range this process has mapped, by its page table. */
static size_t mapped(const void *mem, size_t pages)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	off_t at = (off_t)((uintptr_t)mem / page() * 8);
	size_t n = 0;
	uint64_t entry;

	for (size_t i = 0; i < pages; i++)
		if (pread(fd, &entry, 8, at + (off_t)(8 * i)) == 8)
			n += entry >> 63;
	close(fd);
	return n;
}

Test(region_pages, prefault_leaves_no_fault_for_later)
{
	static const unsigned kinds[] = { 0, SLIP_REGION_MEMFD,
					  SLIP_REGION_PRIVATE };
	struct slip_region rg;

	for (unsigned i = 0; i < 3; i++) {
		cr_assert_eq(build(&rg, 512 * page(), kinds[i]), 0);
		cr_assert_eq(
			mapped(slip_region_find(&rg, "o", KIND, NULL), 512),
			0u);
		slip_region_close(&rg);
		cr_assert_eq(build(&rg, 512 * page(),
				   kinds[i] | SLIP_REGION_PREFAULT),
			     0);
		cr_assert_eq(
			mapped(slip_region_find(&rg, "o", KIND, NULL), 512),
			512u);
		slip_region_close(&rg);
	}
	cr_assert_eq(build(&rg, 512 * page(), 0), 0);
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0600), 0);
	slip_region_close(&rg);
	cr_assert_eq(
		slip_region_open(&rg, scratch_path("r"), SLIP_REGION_PREFAULT),
		0);
	cr_assert_eq(mapped(rg.mem, rg.bytes / page()), rg.bytes / page());
	slip_region_close(&rg);
}

Test(region_pages, mlock_works_or_tells_the_limit)
{
	struct slip_region rg;
	int r = build(&rg, 4 * page(), SLIP_REGION_MLOCK);

	cr_assert(r == 0 || r == -ENOMEM || r == -EPERM || r == -EAGAIN ||
			  r == -1,
		  "%d", r);
	slip_region_close(&rg);
}

/* Inside a mount namespace of its own, on a tmpfs of 64 KiB. */
static int fill_tmpfs(void *arg)
{
	const char *dir = arg;
	struct slip_region rg;
	void *mem;
	int r;

	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", dir, "tmpfs", 0, "size=64k"))
		return 77;
	if (slip_region_create_at(&rg, dir, 1, SLIP_REGION_PEERS(4095u)) !=
	    -ENOSPC)
		return 1;
	if (slip_region_create_at(&rg, dir, 1 << 20, 0))
		return 2;
	if (slip_region_place(&rg, "big", 1, 1 << 20, &mem) != -ENOSPC)
		return 3;
	if (slip_region_place(&rg, "small", 1, 20000, &mem))
		return 4;
	memset(mem, 1, 20000);
	r = slip_region_place(&rg, "more", 1, 40000, &mem);
	if (r != -ENOSPC)
		return 5;
	slip_region_close(&rg);
	return 0;
}

Test(region_pages, a_full_tmpfs_is_told_at_once)
{
	char dir[128];
	int r;

	snprintf(dir, sizeof(dir), "%s", scratch_path("mnt"));
	cr_assert_eq(mkdir(dir, 0700), 0);
	r = actor_run(fill_tmpfs, dir);
	cr_assert_eq(rmdir(dir), 0);
	if (r == 77)
		cr_skip("may not mount a tmpfs");
	cr_assert_eq(r, 0);
}

/* --- fork ------------------------------------------------------------------ */

static int use_parents_handle(void *arg)
{
	struct slip_region *rg = arg;
	struct slip_region mine;
	struct slip_region_header h;
	struct slip_region_object o;
	void *mem = rg->mem;
	char *there;
	int fd = slip_region_fd(rg);

	if (slip_region_place(rg, "x", 1, 1, &mem) != -ECHILD ||
	    slip_region_publish(rg, NULL, 0) != -ECHILD ||
	    slip_region_describe(rg, &h) != -ECHILD ||
	    slip_region_item(rg, 0, &o) != -ECHILD ||
	    slip_region_mirror(rg, rg->mem, page(), &mem) != -ECHILD)
		return 1;
	if (slip_region_find(rg, "o", KIND, NULL) ||
	    slip_region_add(rg, "x", 1, 1))
		return 2;
	/* What lies at that address now is not the region. */
	there = mmap(rg->mem, page(), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (there != rg->mem)
		return 3;
	if (slip_region_adopt(&mine, fd, 0) ||
	    !slip_region_find(&mine, "o", KIND, NULL))
		return 4;
	slip_region_close(rg);
	there[0] = 1;
	if (fcntl(fd, F_GETFD) != -1)
		return 5;
	slip_region_close(rg);
	strcpy(slip_region_find(&mine, "o", KIND, NULL), "child");
	slip_region_close(&mine);
	return 0;
}

Test(region_fork, a_child_is_recognised_and_may_adopt)
{
	struct slip_region rg;
	char *mem;

	cr_assert_eq(build(&rg, 100, 0), 0);
	cr_assert_eq(slip_region_publish(&rg, NULL, 0600), 0);
	cr_assert_eq(actor_run(use_parents_handle, &rg), 0);
	mem = slip_region_find(&rg, "o", KIND, NULL);
	cr_assert_not_null(mem);
	cr_assert_str_eq(mem, "child");
	slip_region_close(&rg);
}

static int close_unpublished(void *arg)
{
	slip_region_close(arg);
	return 0;
}

Test(region_fork, a_child_cannot_undo_what_is_being_built)
{
	struct slip_region rg;

	cr_assert_eq(build(&rg, 100, 0), 0);
	cr_assert_eq(actor_run(close_unpublished, &rg), 0);
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0600), 0);
	slip_region_close(&rg);
	cr_assert_eq(slip_region_open(&rg, scratch_path("r"), 0), 0);
	slip_region_close(&rg);
}

/* --- mirrors --------------------------------------------------------------- */

Test(region_mirror, the_second_copy_is_the_first)
{
	size_t bytes = 2 * page();
	struct slip_region rg;
	void *twice = NULL;
	char *mem, *m;

	cr_assert_eq(build(&rg, bytes, 0), 0);
	mem = slip_region_find(&rg, "o", KIND, NULL);
	cr_assert_eq(slip_region_mirror(&rg, mem, bytes, &twice), 0);
	m = twice;
	memcpy(m + bytes - 3, "across", 6);
	cr_assert_eq(memcmp(mem + bytes - 3, "acr", 3), 0);
	cr_assert_eq(memcmp(mem, "oss", 3), 0);
	cr_assert_eq(memcmp(m + 2 * bytes - 3, "acr", 3), 0);
	slip_region_unmirror(&rg, twice, bytes);
	cr_assert_eq(msync(m, page(), MS_ASYNC), -1);
	slip_region_close(&rg);
}

Test(region_mirror, says_why_not)
{
	struct slip_region rg;
	void *out = NULL;
	char *mem;

	cr_assert_eq(build(&rg, 2 * page(), 0), 0);
	mem = slip_region_find(&rg, "o", KIND, NULL);
	cr_assert_eq(slip_region_mirror(&rg, mem, 0, &out), -EINVAL);
	cr_assert_eq(slip_region_mirror(&rg, mem, 100, &out), -EINVAL);
	cr_assert_eq(slip_region_mirror(&rg, mem + 128, page(), &out), -EINVAL);
	cr_assert_eq(
		slip_region_mirror(&rg, mem, SIZE_MAX & ~(page() - 1), &out),
		-EINVAL);
	cr_assert_eq(slip_region_mirror(&rg, borrowed, page(), &out), -EINVAL);
	cr_assert_null(out);
	slip_region_close(&rg);
	cr_assert_eq(build(&rg, 2 * page(), SLIP_REGION_PRIVATE), 0);
	cr_assert_eq(slip_region_mirror(&rg, rg.mem, page(), &out),
		     -EOPNOTSUPP);
	slip_region_close(&rg);
	cr_assert_eq(slip_region_mirror(&rg, borrowed, page(), &out), -EINVAL);
}

Test(region_mirror, a_lost_descriptor_is_noticed)
{
	struct slip_region rg;
	void *out = NULL;
	int fd;

	cr_assert_eq(build(&rg, page(), 0), 0);
	fd = slip_region_fd(&rg);
	cr_assert_eq(close(fd), 0);
	cr_assert_eq(slip_region_mirror(&rg, rg.mem, page(), &out), -EBADF);
	/* The number lives on as something else. */
	cr_assert_eq(open("/dev/null", O_RDWR), fd);
	cr_assert_eq(slip_region_mirror(&rg, rg.mem, page(), &out), -EBADF);
	slip_region_close(&rg);
}

/* --- descriptors that the program takes away ------------------------------- */

/* A file of the program's own under `fd`. */
static int take_number(int fd)
{
	static const char text[] = "precious";
	int own = open(scratch_path("own"), O_CREAT | O_RDWR | O_CLOEXEC, 0640);

	if (own < 0 || write(own, text, sizeof(text)) != sizeof(text))
		return -1;
	if (dup2(own, fd) != fd)
		return -1;
	return own;
}

static void reuse(unsigned flags)
{
	struct slip_region rg;
	struct stat was, is;
	void *mem;
	int own, fd;

	cr_assert_eq(build(&rg, 100, flags), 0);
	fd = slip_region_fd(&rg);
	own = take_number(fd);
	cr_assert_geq(own, 0);
	cr_assert_eq(fchmod(own, 0640), 0);
	cr_assert_eq(fstat(own, &was), 0);
	cr_assert_eq(slip_region_place(&rg, "p", KIND, 4096, &mem), -EBADF);
	cr_assert_eq(slip_region_publish(&rg, flags ? NULL : scratch_path("r"),
					 0666),
		     -EBADF);
	slip_region_close(&rg);
	cr_assert_eq(fstat(fd, &is), 0, "closed");
	cr_assert_eq(is.st_size, was.st_size);
	cr_assert_eq(is.st_mode, was.st_mode);
	cr_assert_eq(is.st_nlink, was.st_nlink);
	cr_assert_eq(scratch_files(), 1);
	cr_assert_eq(close(fd), 0);
	cr_assert_eq(close(own), 0);
	scratch_clear();
}

Test(region_descriptor, a_file_of_the_programs_own_is_left_alone)
{
	(void)scratch_dir();
	reuse(0);
	reuse(SLIP_REGION_MEMFD);
}

static int child_reuses(void *arg)
{
	int fd = slip_region_fd(arg);

	if (close(fd) || take_number(fd) < 0)
		return 1;
	slip_region_close(arg);
	return fcntl(fd, F_GETFD) < 0 ? 2 : 0;
}

Test(region_descriptor, so_it_is_in_a_fork_child)
{
	struct slip_region rg;

	cr_assert_eq(build(&rg, 100, 0), 0);
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0600), 0);
	cr_assert_eq(actor_run(child_reuses, &rg), 0);
	slip_region_close(&rg);
}

/* --- reaping --------------------------------------------------------------- */

static int hold_open(void *arg)
{
	struct slip_region rg;

	if (slip_region_open(&rg, scratch_path("r"), *(unsigned *)arg))
		return 1;
	actor_stay();
}

Test(region_reap, spares_what_somebody_uses)
{
	unsigned flags = 0;
	struct slip_region rg;
	struct actor a;

	cr_assert_eq(build(&rg, 100, 0), 0);
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0600), 0);
	cr_assert_eq(slip_region_reap(scratch_path("r")), -EBUSY);
	slip_region_close(&rg);
	cr_assert(actor_start(&a, hold_open, &flags));
	cr_assert_eq(slip_region_reap(scratch_path("r")), -EBUSY);
	kill(a.pid, SIGSTOP);
	cr_assert_eq(slip_region_reap(scratch_path("r")), -EBUSY);
	cr_assert_eq(actor_kill(&a), -SIGKILL);
	cr_assert_eq(slip_region_reap(scratch_path("r")), 0);
	cr_assert_eq(slip_region_reap(scratch_path("r")), -ENOENT);
	cr_assert_eq(scratch_files(), 0);
}

Test(region_reap, a_reader_is_no_user)
{
	unsigned flags = SLIP_REGION_READONLY;
	struct slip_region rg;
	struct actor a;

	cr_assert_eq(build(&rg, 100, 0), 0);
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0600), 0);
	slip_region_close(&rg);
	cr_assert(actor_start(&a, hold_open, &flags));
	cr_assert_eq(slip_region_reap(scratch_path("r")), 0);
	cr_assert_eq(actor_kill(&a), -SIGKILL);
}

/* One who decides, by what is in the region, and tries to come in meanwhile. */
struct judge {
	bool worthless;
	int asked, writer, reader;
};

static bool judge(void *arg)
{
	struct judge *j = arg;
	struct slip_region rg;

	j->asked++;
	j->writer = slip_region_open(&rg, scratch_path("r"), 0);
	slip_region_close(&rg);
	j->reader =
		slip_region_open(&rg, scratch_path("r"), SLIP_REGION_READONLY);
	slip_region_close(&rg);
	return j->worthless;
}

Test(region_reap, asks_about_what_nobody_uses_or_can_come_to)
{
	struct judge j = { 0 };
	struct slip_region rg;

	cr_assert_eq(build(&rg, 100, 0), 0);
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0600), 0);
	cr_assert_eq(slip_region_reap_if(scratch_path("r"), judge, &j), -EBUSY);
	cr_assert_eq(j.asked, 0, "somebody uses it");
	slip_region_close(&rg);
	cr_assert_eq(slip_region_reap_if(scratch_path("r"), judge, &j),
		     -ENOTEMPTY);
	cr_assert_eq(j.asked, 1);
	cr_assert_eq(j.writer, -EBUSY, "nobody comes in");
	cr_assert_eq(j.reader, 0, "but to look");
	cr_assert_eq(scratch_files(), 1);
	j.worthless = true;
	cr_assert_eq(slip_region_reap_if(scratch_path("r"), judge, &j), 0);
	cr_assert_eq(j.asked, 2);
	cr_assert_eq(scratch_files(), 0);
}

Test(region_reap, spares_what_is_not_ours)
{
	int fd = open(scratch_path("f"), O_CREAT | O_RDWR, 0600);

	cr_assert_geq(fd, 0);
	cr_assert_eq(slip_region_reap(scratch_path("f")), -EBADMSG);
	cr_assert_eq(slip_region_reap(scratch_dir()), -EBADMSG);
	cr_assert_eq(slip_region_reap(""), -EINVAL);
	cr_assert_eq(slip_region_reap("sliptest.no.such"), -ENOENT);
	cr_assert_eq(scratch_files(), 1);
	close(fd);
}

Test(region_reap, an_opener_meets_a_sweeper)
{
	struct flock lock = { .l_type = F_WRLCK,
			      .l_whence = SEEK_SET,
			      .l_start = (off_t)1 << 62 };
	struct slip_region rg;
	int fd;

	cr_assert_eq(build(&rg, 100, 0), 0);
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0600), 0);
	slip_region_close(&rg);
	fd = open(scratch_path("r"), O_RDWR | O_CLOEXEC);
	cr_assert_eq(fcntl(fd, F_OFD_SETLK, &lock), 0);
	cr_assert_eq(slip_region_open(&rg, scratch_path("r"), 0), -EBUSY);
	cr_assert_eq(slip_region_adopt(&rg, fd, 0), -EBUSY);
	cr_assert_eq(slip_region_reap(scratch_path("r")), -EBUSY);
	cr_assert_eq(
		slip_region_open(&rg, scratch_path("r"), SLIP_REGION_READONLY),
		0);
	slip_region_close(&rg);
	close(fd);
	cr_assert_eq(slip_region_open(&rg, scratch_path("r"), 0), 0);
	slip_region_close(&rg);
}

/* Whoever wants the name need not wait for a sweeper that sleeps. */
Test(region_reap, a_stopped_sweeper_does_not_keep_the_name)
{
	struct flock lock = { .l_type = F_WRLCK,
			      .l_whence = SEEK_SET,
			      .l_start = (off_t)1 << 62 };
	struct slip_region rg;
	int fd;

	cr_assert_eq(build(&rg, 100, 0), 0);
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0600), 0);
	slip_region_close(&rg);
	fd = open(scratch_path("r"), O_RDWR | O_CLOEXEC);
	cr_assert_eq(fcntl(fd, F_OFD_SETLK, &lock), 0);
	cr_assert_eq(slip_region_unlink(scratch_path("r")), 0);
	cr_assert_eq(slip_region_open(&rg, scratch_path("r"), 0), -ENOENT);
	cr_assert_eq(build(&rg, 100, 0), 0);
	cr_assert_eq(slip_region_publish(&rg, scratch_path("r"), 0600), 0);
	slip_region_close(&rg);
	cr_assert_eq(slip_region_open(&rg, scratch_path("r"), 0), 0);
	slip_region_close(&rg);
	close(fd);
}

/* --- words ----------------------------------------------------------------- */

Test(region_words, every_error_has_its_own)
{
	static const int codes[] = {
		0,	    -EINVAL,	      -ENAMETOOLONG, -EEXIST,
		-ENOENT,    -EACCES,	      -ELOOP,	     -EBADMSG,
		-EPROTO,    -EPROTONOSUPPORT, -EAGAIN,	     -ENODATA,
		-EOVERFLOW, -ENOSPC,	      -ENOMEM,	     -EMFILE,
		-ENFILE,    -EFBIG,	      -EPERM,	     -EROFS,
		-ECHILD,    -EBADF,	      -EXDEV,	     -EOPNOTSUPP,
		-EBUSY,	    -EUSERS,	      -ENOTEMPTY,    -1000,
	};
	size_t n = sizeof(codes) / sizeof(codes[0]);

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			cr_assert_neq(strcmp(slip_region_strerror(codes[i]),
					     slip_region_strerror(codes[k])),
				      0, "%d and %d", codes[i], codes[k]);
}
