/* Between a worker and lodge-drives: packets on the SEQPACKET socket of the kind "drives"
 * (common/redirect.h), little-endian.
 *
 * The worker speaks the protocol of the channel (MS-RDPEFS) as far as its headers go: who is there, which
 * devices, which request an answer belongs to. What a request or an answer says of files is lodge-drives':
 * the worker hands bodies on as they are, of requests whose head it has checked.
 *
 * | packet  | from         | fields                                                                   |
 * |---------|--------------|--------------------------------------------------------------------------|
 * | ADD     | worker       | u8 1, u32 device, 8 bytes its DOS name, the rest: its device data         |
 * | REMOVE  | worker       | u8 2, u32 device; its files are gone, its requests are answered no more   |
 * | ANSWER  | worker       | u8 3, u32 tag, u32 status, the rest: the body behind IoStatus             |
 * | REQUEST | lodge-drives | u8 4, u32 tag, u32 device, u32 file, u32 major, u32 minor, then the body  |
 *
 * The tag is the program's; each REQUEST has one ANSWER with it, but after REMOVE. More than
 * DRIVES_REQUESTS_MOST at a time are answered with STATUS_INSUFFICIENT_RESOURCES, those for a device that is
 * not there with STATUS_NO_SUCH_DEVICE, those for a file that this program has not opened with
 * STATUS_INVALID_HANDLE. A REQUEST that is malformed ends the redirection of drives. Files that a program
 * leaves open the worker closes. */
#pragma once

enum drives_packet { DRIVES_ADD = 1, DRIVES_REMOVE = 2, DRIVES_ANSWER = 3, DRIVES_REQUEST = 4 };

#define DRIVES_ADD_HEAD      13 /* bytes before the device data */
#define DRIVES_REMOVE_SIZE   5
#define DRIVES_ANSWER_HEAD   9
#define DRIVES_REQUEST_HEAD  21

#define DRIVES_DOS_NAME      8
#define DRIVES_DATA_MOST     1024 /* of a device */
#define DRIVES_DEVICES_MOST  64
#define DRIVES_REQUESTS_MOST 1024
#define DRIVES_FILES_MOST    1024  /* open at a time */
#define DRIVES_IO_MOST       61440 /* bytes of one read or write */

/* What a file can be asked for: IRP_MJ_ of MS-RDPEFS 2.2.1.4. */
enum drives_major {
    DRIVES_CREATE = 0,
    DRIVES_CLOSE = 2,
    DRIVES_READ = 3,
    DRIVES_WRITE = 4,
    DRIVES_QUERY_INFORMATION = 5,
    DRIVES_SET_INFORMATION = 6,
    DRIVES_QUERY_VOLUME = 10,
    DRIVES_DIRECTORY = 12
};
/* The one minor function that there is, of DRIVES_DIRECTORY. */
#define DRIVES_QUERY_DIRECTORY 1
/* The fixed part of every request's body. */
#define DRIVES_BODY_HEAD 32

/* NTSTATUS as far as both ends know them. */
#define DRIVES_STATUS_SUCCESS       0x00000000u
#define DRIVES_STATUS_INVALID_FILE  0xC0000008u /* STATUS_INVALID_HANDLE */
#define DRIVES_STATUS_NO_DEVICE     0xC000000Eu /* STATUS_NO_SUCH_DEVICE */
#define DRIVES_STATUS_ACCESS_DENIED 0xC0000022u
#define DRIVES_STATUS_NO_RESOURCES  0xC000009Au /* STATUS_INSUFFICIENT_RESOURCES */
