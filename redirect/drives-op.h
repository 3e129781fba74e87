/* One operation of the kernel's on files of the client: steps that each ask one thing, then the file is
 * closed again, then the kernel has its answer. */
#pragma once

#include "redirect/drives.h"

struct op;
/* Asks one thing; op_ask. */
typedef void (*op_step)(struct op *op);

/* Access, dispositions and options of MS-SMB2 2.2.13. */
#define ACCESS_READ              0x00000001u
#define ACCESS_WRITE             0x00000002u
#define ACCESS_APPEND            0x00000004u
#define ACCESS_READ_ATTRIBUTES   0x00000080u
#define ACCESS_SET_ATTRIBUTES    0x00000100u
#define ACCESS_DELETE            0x00010000u
#define ACCESS_SYNCHRONIZE       0x00100000u
#define DISPOSITION_OPEN         1
#define DISPOSITION_CREATE       2
#define DISPOSITION_OPEN_IF      3
#define DISPOSITION_OVERWRITE    4
#define DISPOSITION_OVERWRITE_IF 5
#define OPTION_FOLDER            0x01u
#define OPTION_SYNCHRONOUS       0x20u
#define OPTION_NO_FOLDER         0x40u

struct op {
    struct drives *drives;
    fuse_req_t request;
    struct node *node;           /* held */
    char name[FORMAT_NAME_ROOM]; /* of what is below it; "" for the node itself */
    uint32_t device, file;
    bool opened, keep_open, wait_close;
    int error;
    int doubted;  /* an errno of the step under way that does not tell what has happened */
    bool doubt;   /* it was answered so */
    bool lenient; /* some clients cannot set a folder's times: that is to keep nobody from copying one */
    const op_step *next; /* ends with NULL */
    /* Reads the answer of the step that is under way. Returns an errno. */
    int (*take)(struct op *op, const uint8_t *body, size_t size);
    void (*finish)(struct op *op); /* answers the kernel, by op->error too */
    uint32_t access, create_attributes, disposition, options;
    struct format_attributes attributes;
    struct stat wanted; /* of setattr */
    int which;
    struct node *target; /* of rename, held; NULL: none */
    char target_name[FORMAT_NAME_ROOM];
    bool replace;
    struct statvfs volume;
    struct fuse_file_info info;
};

/* A new operation on the node, or what is `name` below it. NULL: the kernel has been answered. */
struct op *op_new(fuse_req_t request, fuse_ino_t inode, const char *name, const op_step *steps,
                  void (*finish)(struct op *op));
/* Begins with the first step; with op->error set, ends. */
void op_run(struct op *op);

/* The steps that there are. */
void op_open(struct op *op);
void op_query_basic(struct op *op);
void op_query_standard(struct op *op);
void op_set_size(struct op *op);
void op_set_basic(struct op *op);
void op_set_deleted(struct op *op);
void op_set_name(struct op *op);
/* After op_set_name: some clients answer that a folder which they have renamed is not empty. */
void op_look_renamed(struct op *op);
void op_query_volume(struct op *op);
