#include "redirect/drives-op.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/text.h"

#define CLASS_BASIC       4
#define CLASS_STANDARD    5
#define CLASS_RENAME      10
#define CLASS_DISPOSITION 13
#define CLASS_END_OF_FILE 20
#define CLASS_FULL_SIZE   7
#define SHARE_ALL         7
#define BASIC_SIZE        40
#define STANDARD_SIZE     24
#define FULL_SIZE_SIZE    32

static void on_interrupt(fuse_req_t request, void *user)
{
    struct op *op = user;
    (void)request;
    client_hurry(op->drives->client, op, op->drives->now_ms);
}

struct op *op_new(fuse_req_t request, fuse_ino_t inode, const char *name, const op_step *steps,
                  void (*finish)(struct op *op))
{
    struct drives *drives = drives_of(request);
    struct node *node = drives_node(drives, inode);
    struct op *op = calloc(1, sizeof(*op));
    int error = op == NULL ? ENOMEM : 0;
    if (error == 0 && name != NULL && !format_name_is_known(name))
        error = strlen(name) >= FORMAT_NAME_ROOM ? ENAMETOOLONG : EINVAL;
    if (error != 0) {
        free(op);
        fuse_reply_err(request, error);
        return NULL;
    }
    *op = (struct op){.drives = drives, .request = request, .node = node, .next = steps, .finish = finish};
    text_copy(op->name, sizeof(op->name), name != NULL ? name : "");
    const struct drive *drive = drives_drive(drives, node);
    if (drive != NULL)
        op->device = drive->device;
    else
        op->error = node->parent == NULL ? EPERM : ENODEV;
    node_hold(node);
    fuse_req_interrupt_func(request, on_interrupt, op);
    return op;
}

static void op_end(struct op *op)
{
    struct nodes *nodes = op->drives->nodes;
    op->finish(op);
    nodes_let_go(nodes, op->node, 1);
    if (op->target != NULL)
        nodes_let_go(nodes, op->target, 1);
    free(op);
}

static void on_closed(void *user, uint32_t status, const uint8_t *body, size_t size)
{
    (void)status, (void)body, (void)size; /* some clients tell nothing sensible here */
    op_end(user);
}

static bool ask_close(struct op *op)
{
    static const uint8_t head[DRIVES_BODY_HEAD];
    struct client_question question = {
        .major = DRIVES_CLOSE, .device = op->device, .file = op->file, .head = head};
    return client_ask(op->drives->client, &question, op->drives->now_ms, on_closed, op);
}

void op_run(struct op *op)
{
    op_step step = op->error == 0 ? *op->next : NULL;
    if (step != NULL) {
        op->next++;
        step(op);
        return;
    }
    bool close = op->opened && (!op->keep_open || op->error != 0);
    if (close && op->wait_close && ask_close(op))
        return;
    if (close && !op->wait_close)
        client_close(op->drives->client, op->device, op->file, op->drives->now_ms);
    op_end(op);
}

static void on_answer(void *user, uint32_t status, const uint8_t *body, size_t size)
{
    struct op *op = user;
    op->error = format_errno(status);
    op->doubt = op->error != 0 && op->error == op->doubted;
    op->doubted = 0;
    if (op->doubt || op->lenient)
        op->error = 0;
    else if (op->error == 0 && op->take != NULL)
        op->error = op->take(op, body, size);
    op->lenient = false;
    op_run(op);
}

static void ask_for(struct op *op, enum drives_major major, const struct wire_writer *head, const void *data,
                    size_t size, client_answered answered)
{
    struct client_question question = {.major = major,
                                       .device = op->device,
                                       .file = op->file,
                                       .head = head->data,
                                       .data = data,
                                       .size = size};
    if (!client_ask(op->drives->client, &question, op->drives->now_ms, answered, op)) {
        op->error = ENOMEM;
        op_run(op);
    }
}

static void ask(struct op *op, enum drives_major major, const struct wire_writer *head, const void *data,
                size_t size, int (*take)(struct op *op, const uint8_t *body, size_t size))
{
    op->take = take;
    ask_for(op, major, head, data, size, on_answer);
}

static int take_file(struct op *op, const uint8_t *body, size_t size)
{
    op->opened = format_read_file_id(body, size, &op->file);
    return op->opened ? 0 : EIO;
}

static void ask_open(struct op *op, client_answered answered)
{
    uint8_t bytes[DRIVES_BODY_HEAD], path[FORMAT_PATH_UNITS * 2];
    struct wire_writer head = wire_writer_over(bytes, sizeof(bytes)),
                       to = wire_writer_over(path, sizeof(path));
    if (!node_path(op->node, op->name[0] != '\0' ? op->name : NULL, &to)) {
        op->error = ENAMETOOLONG;
        op_run(op);
        return;
    }
    wire_put_u32(&head, op->access | ACCESS_READ_ATTRIBUTES | ACCESS_SYNCHRONIZE);
    wire_put_u64(&head, 0);
    wire_put_u32(&head, op->create_attributes);
    wire_put_u32(&head, SHARE_ALL);
    wire_put_u32(&head, op->disposition);
    wire_put_u32(&head, op->options | OPTION_SYNCHRONOUS);
    wire_put_u32(&head, (uint32_t)to.used);
    ask_for(op, DRIVES_CREATE, &head, path, to.used, answered);
}

void op_open(struct op *op)
{
    op->take = take_file;
    ask_open(op, on_answer);
}

/* It is still there under its old name. */
static void on_old_name(void *user, uint32_t status, const uint8_t *body, size_t size)
{
    struct op *op = user;
    uint32_t file;
    if (format_errno(status) == 0 && format_read_file_id(body, size, &file))
        client_close(op->drives->client, op->device, file, op->drives->now_ms);
    if (format_errno(status) != ENOENT)
        op->error = ENOTEMPTY;
    op_run(op);
}

void op_look_renamed(struct op *op)
{
    if (op->doubt)
        ask_open(op, on_old_name);
    else
        op_run(op);
}

/* The head of all that is asked about information: its class, the bytes that follow. */
static void ask_information(struct op *op, enum drives_major major, uint32_t class,
                            const struct wire_writer *data,
                            int (*take)(struct op *op, const uint8_t *body, size_t size))
{
    uint8_t bytes[DRIVES_BODY_HEAD] = {0};
    struct wire_writer head = wire_writer_over(bytes, sizeof(bytes));
    wire_put_u32(&head, class);
    wire_put_u32(&head, (uint32_t)data->used);
    ask(op, major, &head, data->data, data->used, take);
}

static int take_basic(struct op *op, const uint8_t *body, size_t size)
{
    return format_read_basic(body, size, &op->attributes) ? 0 : EIO;
}

/* Queries have room for what is asked for, as Windows' own servers send it. */
static void ask_query(struct op *op, enum drives_major major, uint32_t class, size_t size,
                      int (*take)(struct op *op, const uint8_t *body, size_t size))
{
    uint8_t bytes[64] = {0};
    struct wire_writer room = wire_writer_over(bytes, sizeof(bytes));
    room.used = size;
    ask_information(op, major, class, &room, take);
}

void op_query_basic(struct op *op)
{
    ask_query(op, DRIVES_QUERY_INFORMATION, CLASS_BASIC, BASIC_SIZE, take_basic);
}

static int take_standard(struct op *op, const uint8_t *body, size_t size)
{
    return format_read_standard(body, size, &op->attributes) ? 0 : EIO;
}

void op_query_standard(struct op *op)
{
    ask_query(op, DRIVES_QUERY_INFORMATION, CLASS_STANDARD, STANDARD_SIZE, take_standard);
}

void op_set_size(struct op *op)
{
    uint8_t bytes[8];
    struct wire_writer data = wire_writer_over(bytes, sizeof(bytes));
    wire_put_u64(&data, (uint64_t)op->wanted.st_size);
    ask_information(op, DRIVES_SET_INFORMATION, CLASS_END_OF_FILE, &data, NULL);
}

static uint64_t time_wanted(const struct op *op, int set, int now, struct timespec time)
{
    struct timespec real = {0};
    if ((op->which & set) == 0)
        return 0; /* as it is */
    if ((op->which & now) != 0)
        clock_gettime(CLOCK_REALTIME, &real);
    return format_filetime((op->which & now) != 0 ? real : time);
}

/* After a query: what is not to change is set as it is. */
void op_set_basic(struct op *op)
{
    uint8_t bytes[36];
    struct wire_writer data = wire_writer_over(bytes, sizeof(bytes));
    uint32_t attributes = op->attributes.attributes;
    bool folder = (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
    if ((op->which & FUSE_SET_ATTR_MODE) != 0 && !folder)
        attributes = (attributes & ~FILE_ATTRIBUTE_READONLY) |
                     ((op->wanted.st_mode & S_IWUSR) != 0 ? 0 : FILE_ATTRIBUTE_READONLY);
    wire_put_u64(&data, 0);
    wire_put_u64(&data, time_wanted(op, FUSE_SET_ATTR_ATIME, FUSE_SET_ATTR_ATIME_NOW, op->wanted.st_atim));
    wire_put_u64(&data, time_wanted(op, FUSE_SET_ATTR_MTIME, FUSE_SET_ATTR_MTIME_NOW, op->wanted.st_mtim));
    wire_put_u64(&data, 0);
    wire_put_u32(&data, attributes != 0 ? attributes : FILE_ATTRIBUTE_NORMAL);
    op->lenient = folder;
    ask_information(op, DRIVES_SET_INFORMATION, CLASS_BASIC, &data, NULL);
}

void op_set_deleted(struct op *op)
{
    uint8_t yes = 1;
    struct wire_writer data = wire_writer_over(&yes, 1);
    data.used = 1;
    ask_information(op, DRIVES_SET_INFORMATION, CLASS_DISPOSITION, &data, NULL);
}

void op_set_name(struct op *op)
{
    uint8_t bytes[6 + FORMAT_PATH_UNITS * 2];
    struct wire_writer data = wire_writer_over(bytes, sizeof(bytes)), path;
    path = wire_writer_over(bytes + 6, sizeof(bytes) - 6);
    if (!node_path(op->target, op->target_name, &path)) {
        op->error = ENAMETOOLONG;
        op_run(op);
        return;
    }
    wire_put_u8(&data, op->replace);
    wire_put_u8(&data, 0);
    wire_put_u32(&data, (uint32_t)path.used);
    data.used += path.used;
    op->doubted = ENOTEMPTY;
    ask_information(op, DRIVES_SET_INFORMATION, CLASS_RENAME, &data, NULL);
}

static int take_volume(struct op *op, const uint8_t *body, size_t size)
{
    return format_read_volume(body, size, &op->volume) ? 0 : EIO;
}

void op_query_volume(struct op *op)
{
    ask_query(op, DRIVES_QUERY_VOLUME, CLASS_FULL_SIZE, FULL_SIZE_SIZE, take_volume);
}
