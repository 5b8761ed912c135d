/* SPDX-License-Identifier: MIT */
/* EVENT-H1: the handshake in mode FULL, two RMWs of one word. */
#define MODE SLIP_EVENT_FULL
#include "event.inc"
