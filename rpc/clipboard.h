/* The clipboard between a client's worker and lodge-clipboard in the session (common/redirect.h): packets on
 * their SOCK_SEQPACKET pair. Either may be hostile to the other. Who has something to paste OFFERs its
 * formats; the other ASKs for one of them when somebody pastes, and has it in pieces. The bytes are the
 * client's own formats both ways: it is the session's program that converts. What is on a clipboard is
 * nobody's business: none of it is ever logged, and buffers are wiped. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/redirect.h"

#define CLIPBOARD_MOST  (32u << 20) /* bytes of one transfer */
#define CLIPBOARD_HEAD  12          /* bytes of a packet before its data */
#define CLIPBOARD_PIECE (REDIRECT_PACKET_MAX - CLIPBOARD_HEAD)
#define CLIPBOARD_ROOM  16 /* bytes before those of a transfer that its owner may write a head into */

enum clipboard_format {
    CLIPBOARD_TEXT = 1,  /* CF_UNICODETEXT: UTF-16, lines with CR LF, a NUL at the end */
    CLIPBOARD_HTML = 2,  /* "HTML Format": UTF-8 with a head of offsets */
    CLIPBOARD_RTF = 4,   /* "Rich Text Format" */
    CLIPBOARD_PNG = 8,   /* "PNG" */
    CLIPBOARD_DIB = 16,  /* CF_DIB: a BMP file without its first 14 bytes */
    CLIPBOARD_DIBV5 = 32 /* CF_DIBV5: the same, with a BITMAPV5HEADER */
};
#define CLIPBOARD_FORMATS 6
#define CLIPBOARD_SECRET  64 /* with formats: a password manager asks that nobody keep it. It has no data */
#define CLIPBOARD_OFFERS  127

enum clipboard_type {
    CLIPBOARD_OFFER = 1, /* number: formats, 0: there is nothing to paste any more */
    CLIPBOARD_ASK,       /* number: one format */
    CLIPBOARD_DATA,      /* number: bytes in all; a piece of them */
    CLIPBOARD_FAIL,      /* there is no data for that ASK */
    CLIPBOARD_FORGET,    /* by the program: nobody waits for that ASK any more */
    CLIPBOARD_TYPES
};

struct clipboard_packet {
    uint8_t type;
    bool early;      /* of OFFER: it was there before the program was */
    uint32_t serial; /* of the ASK; its sender chooses it */
    uint32_t number;
    const uint8_t *data;
    size_t size;
};

/* Reads a packet; its data stays in `data`. Returns NULL, or what is wrong with it. */
const char *clipboard_decode(const uint8_t *data, size_t size, struct clipboard_packet *packet_r);
/* Writes a packet, of at most CLIPBOARD_PIECE bytes of data, to `to` of REDIRECT_PACKET_MAX. Returns its
 * size. */
size_t clipboard_encode(const struct clipboard_packet *packet, uint8_t *to);

/* One transfer that is put together, or taken apart. Zeros: none. */
struct clipboard_data {
    uint8_t *bytes; /* behind CLIPBOARD_ROOM bytes of its own */
    size_t total, used;
};

/* Makes room for `total` bytes. False: more than CLIPBOARD_MOST, or out of memory. */
bool clipboard_data_begin(struct clipboard_data *data_r, size_t total);
/* Takes a piece, the first of which makes the room. Returns NULL, or what is wrong with it. */
const char *clipboard_data_add(struct clipboard_data *data, const struct clipboard_packet *piece);
/* True when all its bytes are there. */
bool clipboard_data_whole(const struct clipboard_data *data);
/* Fills the next piece, of the transfer's bytes from data->used on, and moves that on. */
void clipboard_data_piece(struct clipboard_data *data, uint32_t serial, struct clipboard_packet *piece_r);
/* Overwrites the bytes, frees them and is none then. */
void clipboard_data_wipe(struct clipboard_data *data);
