/* SPDX-License-Identifier: MIT */
/* What the commands of slipring share: messages, names, sizes, JSON. */
#ifndef SLIP_TOOLS_SLIPRING_COMMON_H
#define SLIP_TOOLS_SLIPRING_COMMON_H

#include <argp.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit statuses of every command. */
enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

/* argv[0] is "slipring COMMAND", for the messages of argp. */
int cmd_bench(int argc, char **argv);
int cmd_demo(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_gc(int argc, char **argv);
int cmd_ls(int argc, char **argv);
int cmd_recv(int argc, char **argv);
int cmd_rm(int argc, char **argv);
int cmd_send(int argc, char **argv);
int cmd_stat(int argc, char **argv);
int cmd_stress(int argc, char **argv);

/* "slipring COMMAND: OBJECT: cause" on stderr (OBJECT may be NULL). Returns
 * STATUS_FAILED, so that a command can end with it. */
__attribute__((format(printf, 2, 3))) int complain(const char *object,
						   const char *format, ...);
__attribute__((format(printf, 2, 0))) int
complain_va(const char *object, const char *format, va_list args);

/* The cause of a negative errno, region errors in slipring's own words. */
const char *cause(int err);

/* Prints one JSON value, and gives it up. */
int print_json(json_t *value);

/* Flushes stdout: a full disk is a failure of the command. Returns `status`,
 * or STATUS_FAILED and says why. */
int finish_output(int status);

/* "512 B", "1.5 MiB"; `text` is returned. */
#define SIZE_TEXT_BYTES 16
const char *size_text(char text[SIZE_TEXT_BYTES], uint64_t bytes);

/* "0:03:25", "2 d 01:00"; `text` is returned. */
#define TIME_TEXT_BYTES 24
const char *time_text(char text[TIME_TEXT_BYTES], uint64_t seconds);

/* "4096", "64k", "1M", "2g" (powers of 1024). False: not such a number. */
bool parse_size(const char *text, uint64_t *bytes);

/* "1.5" seconds as nanoseconds. False: not a number from 0 to 10^9. */
bool parse_seconds(const char *text, uint64_t *ns);

/* The one argument NAME of a command's parser: its ARGP_KEY_ARG and
 * ARGP_KEY_END. True: the key was one of them. */
bool parse_name(int key, char *arg, const struct argp_state *state,
		const char **name);

#endif
