/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tools/slipring/meter.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "futex/sys.h"
#include "tools/slipring/common.h"

enum { BAR = 20, REFRESH_NS = 200000000 };

void meter_start(struct meter *m, bool wanted, int fd)
{
	struct stat st;
	off_t at;

	*m = (struct meter){ .on = wanted && isatty(STDERR_FILENO) };
	m->began_ns = slip_now_ns();
	m->shown_ns = m->began_ns;
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return;
	at = lseek(fd, 0, SEEK_CUR);
	if (at >= 0 && st.st_size > at)
		m->total = (uint64_t)(st.st_size - at);
}

/* "[=====>    ]  40% ETA 0:00:07" */
static void draw_rest(const struct meter *m, double seconds)
{
	double part = (double)m->done / (double)m->total;
	char bar[BAR + 1], left[TIME_TEXT_BYTES];
	int full;

	if (part > 1) /* the file grew */
		part = 1;
	full = (int)(part * BAR);
	for (int i = 0; i < BAR; i++)
		bar[i] = i < full ? '=' : i == full ? '>' : ' ';
	bar[BAR] = '\0';
	(void)fprintf(stderr, " [%s] %3d%%", bar, (int)(part * 100));
	if (m->done)
		(void)fprintf(
			stderr, " ETA %s",
			time_text(left, (uint64_t)(seconds / part - seconds)));
}

static void draw(struct meter *m, uint64_t now, uint64_t bytes, uint64_t ns)
{
	char done[SIZE_TEXT_BYTES], rate[SIZE_TEXT_BYTES];
	char elapsed[TIME_TEXT_BYTES];
	uint64_t so_far = now - m->began_ns;
	double rate_ns = ns ? (double)bytes / (double)ns : 0;

	(void)fprintf(stderr, "\r%10s %s [%10s/s]", size_text(done, m->done),
		      time_text(elapsed, so_far / 1000000000),
		      size_text(rate, (uint64_t)(rate_ns * 1e9)));
	if (m->total)
		draw_rest(m, (double)so_far / 1e9);
	(void)fputs("\033[K", stderr);
	m->shown_ns = now;
	m->shown_done = m->done;
}

void meter_add(struct meter *m, uint64_t bytes)
{
	uint64_t now;

	m->done += bytes;
	if (!m->on)
		return;
	now = slip_now_ns();
	if (now - m->shown_ns >= REFRESH_NS)
		draw(m, now, m->done - m->shown_done, now - m->shown_ns);
}

void meter_end(struct meter *m)
{
	uint64_t now = slip_now_ns();

	if (m->on) { /* the rate of the whole */
		draw(m, now, m->done, now - m->began_ns);
		(void)putc('\n', stderr);
	}
	m->on = false;
}
