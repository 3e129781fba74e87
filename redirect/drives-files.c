#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "redirect/drives-op.h"

#define PART 32768 /* bytes of one question: some of one request of the kernel's are under way together */

static const op_step open_steps[] = {op_open, NULL};
static const op_step create_steps[] = {op_open, op_query_basic, op_query_standard, NULL};

static uint32_t access_for(int flags)
{
    switch (flags & O_ACCMODE) {
    case O_RDONLY:
        return ACCESS_READ;
    case O_WRONLY:
        return ACCESS_WRITE | ACCESS_APPEND;
    default:
        return ACCESS_READ | ACCESS_WRITE | ACCESS_APPEND;
    }
}

/* The handle that the file, which is open, becomes. */
static bool handle_make(struct op *op)
{
    struct handle *handle = op->error == 0 ? malloc(sizeof(*handle)) : NULL;
    if (op->error == 0 && handle == NULL)
        op->error = ENOMEM;
    if (handle == NULL)
        return false;
    *handle = (struct handle){op->device, op->file};
    op->drives->open_files++;
    op->info.fh = (uint64_t)(uintptr_t)handle;
    return true;
}

/* Who waited has been ended meanwhile: nobody releases it. */
static void handle_drop(struct op *op)
{
    client_close(op->drives->client, op->device, op->file, op->drives->now_ms);
    free((struct handle *)op->info.fh);
    op->drives->open_files--;
}

static void finish_open(struct op *op)
{
    if (!handle_make(op))
        fuse_reply_err(op->request, op->error);
    else if (fuse_reply_open(op->request, &op->info) != 0)
        handle_drop(op);
}

void drives_open(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info)
{
    struct op *op = op_new(request, inode, NULL, open_steps, finish_open);
    if (op == NULL)
        return;
    op->info = *info;
    op->keep_open = true;
    op->access = access_for(info->flags);
    op->disposition = (info->flags & O_TRUNC) != 0 ? DISPOSITION_OVERWRITE : DISPOSITION_OPEN;
    op->create_attributes = FILE_ATTRIBUTE_NORMAL;
    op->options = OPTION_NO_FOLDER;
    op_run(op);
}

static void finish_create(struct op *op)
{
    struct fuse_entry_param entry;
    bool named =
        op->error == 0 && drives_entry(op->drives, op->node, op->name, op->device, &op->attributes, &entry);
    if (op->error == 0 && !named)
        op->error = ENOMEM;
    if (!handle_make(op)) {
        if (named)
            nodes_let_go(op->drives->nodes, drives_node(op->drives, entry.ino), 1);
        fuse_reply_err(op->request, op->error);
    } else if (fuse_reply_create(op->request, &entry, &op->info) != 0) {
        handle_drop(op);
        nodes_let_go(op->drives->nodes, drives_node(op->drives, entry.ino), 1);
    }
}

void drives_create(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode,
                   struct fuse_file_info *info)
{
    struct op *op = op_new(request, parent, name, create_steps, finish_create);
    if (op == NULL)
        return;
    if (op->error == 0 && !format_name_may_be_new(name))
        op->error = EINVAL;
    op->info = *info;
    op->keep_open = true;
    op->access = access_for(info->flags);
    op->disposition = DISPOSITION_OPEN_IF;
    if ((info->flags & O_EXCL) != 0)
        op->disposition = DISPOSITION_CREATE;
    else if ((info->flags & O_TRUNC) != 0)
        op->disposition = DISPOSITION_OVERWRITE_IF;
    op->create_attributes = (mode & S_IWUSR) != 0 ? FILE_ATTRIBUTE_NORMAL : FILE_ATTRIBUTE_READONLY;
    op->options = OPTION_NO_FOLDER;
    op_run(op);
}

/* A read or write of the kernel's, in parts that are asked together. */
struct transfer;

struct part {
    struct transfer *transfer;
    size_t size, done;
};

struct transfer {
    struct drives *drives;
    fuse_req_t request;
    bool reads;
    size_t parts, open; /* open: not answered yet */
    int error;
    uint8_t *data; /* what has been read */
    struct part part[];
};

static void on_interrupt(fuse_req_t request, void *user)
{
    struct transfer *transfer = user;
    (void)request;
    for (size_t i = 0; i < transfer->parts; i++)
        client_hurry(transfer->drives->client, &transfer->part[i], transfer->drives->now_ms);
}

/* As many bytes as there are before the first part that is short. */
static void transfer_end(struct transfer *transfer)
{
    size_t done = 0;
    for (size_t i = 0; i < transfer->parts; i++) {
        done += transfer->part[i].done;
        if (transfer->part[i].done < transfer->part[i].size)
            break;
    }
    if (transfer->error != 0 && done == 0)
        fuse_reply_err(transfer->request, transfer->error);
    else if (transfer->reads)
        fuse_reply_buf(transfer->request, (const char *)transfer->data, done);
    else
        fuse_reply_write(transfer->request, done);
    free(transfer->data);
    free(transfer);
}

static void part_read(struct part *part, const uint8_t *body, size_t size)
{
    struct transfer *transfer = part->transfer;
    const uint8_t *data;
    size_t index = (size_t)(part - transfer->part), length;
    if (!format_read_data(body, size, part->size, &data, &length)) {
        transfer->error = EIO;
        return;
    }
    memcpy(transfer->data + index * PART, data, length);
    part->done = length;
}

static void on_part(void *user, uint32_t status, const uint8_t *body, size_t size)
{
    struct part *part = user;
    struct transfer *transfer = part->transfer;
    int error = status == STATUS_END_OF_FILE ? 0 : format_errno(status);
    if (error == 0 && status == 0 && transfer->reads)
        part_read(part, body, size);
    else if (error == 0 && !transfer->reads && !format_read_written(body, size, part->size, &part->done))
        error = EIO;
    if (error != 0)
        transfer->error = error;
    if (--transfer->open == 0)
        transfer_end(transfer);
}

static struct transfer *transfer_new(fuse_req_t request, size_t size, bool reads)
{
    size_t parts = size / PART + (size % PART != 0);
    struct transfer *transfer = calloc(1, sizeof(*transfer) + parts * sizeof(struct part));
    uint8_t *data = reads && transfer != NULL ? malloc(size + 1) : NULL;
    if (transfer == NULL || (reads && data == NULL)) {
        free(transfer);
        fuse_reply_err(request, ENOMEM);
        return NULL;
    }
    *transfer = (struct transfer){
        .drives = drives_of(request), .request = request, .reads = reads, .parts = parts, .data = data};
    transfer->open = parts + 1; /* the last one is the asking itself */
    return transfer;
}

static void transfer_run(struct transfer *transfer, const struct handle *handle, const char *data,
                         size_t size, off_t offset)
{
    for (size_t i = 0; i < transfer->parts; i++) {
        struct part *part = &transfer->part[i];
        size_t at = i * PART;
        uint8_t bytes[DRIVES_BODY_HEAD] = {0};
        struct wire_writer head = wire_writer_over(bytes, sizeof(bytes));
        part->transfer = transfer;
        part->size = size - at < PART ? size - at : PART;
        wire_put_u32(&head, (uint32_t)part->size);
        wire_put_u64(&head, (uint64_t)offset + at);
        struct client_question question = {.major = transfer->reads ? DRIVES_READ : DRIVES_WRITE,
                                           .device = handle->device,
                                           .file = handle->file,
                                           .head = bytes,
                                           .data = data != NULL ? data + at : NULL,
                                           .size = data != NULL ? part->size : 0};
        if (!client_ask(transfer->drives->client, &question, transfer->drives->now_ms, on_part, part)) {
            transfer->error = ENOMEM;
            transfer->open--;
        }
    }
    fuse_req_interrupt_func(transfer->request, on_interrupt, transfer);
    if (--transfer->open == 0)
        transfer_end(transfer);
}

void drives_read(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset, struct fuse_file_info *info)
{
    struct transfer *transfer = transfer_new(request, size, true);
    (void)inode;
    if (transfer != NULL)
        transfer_run(transfer, (const struct handle *)info->fh, NULL, size, offset);
}

void drives_write(fuse_req_t request, fuse_ino_t inode, const char *data, size_t size, off_t offset,
                  struct fuse_file_info *info)
{
    struct transfer *transfer = transfer_new(request, size, false);
    (void)inode;
    if (transfer != NULL)
        transfer_run(transfer, (const struct handle *)info->fh, data, size, offset);
}

/* Writes have been answered by the client when their answer is here. */
void drives_flush(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info)
{
    (void)inode, (void)info;
    fuse_reply_err(request, 0);
}

/* The protocol cannot ask for more. */
void drives_fsync(fuse_req_t request, fuse_ino_t inode, int data_only, struct fuse_file_info *info)
{
    (void)inode, (void)data_only, (void)info;
    fuse_reply_err(request, 0);
}

void drives_release(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info)
{
    struct drives *drives = drives_of(request);
    struct handle *handle = (struct handle *)info->fh;
    (void)inode;
    client_close(drives->client, handle->device, handle->file, drives->now_ms);
    free(handle);
    drives->open_files--;
    fuse_reply_err(request, 0);
}
