#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"
#include "redirect/drives-op.h"

#define NO_REPLACE 1 /* RENAME_NOREPLACE */

static const op_step look_steps[] = {op_open, op_query_basic, op_query_standard, NULL};

static void finish_entry(struct op *op)
{
    struct fuse_entry_param entry;
    if (op->error == 0 && !drives_entry(op->drives, op->node, op->name, op->device, &op->attributes, &entry))
        op->error = ENOMEM;
    if (op->error != 0)
        fuse_reply_err(op->request, op->error);
    else if (fuse_reply_entry(op->request, &entry) != 0)
        nodes_let_go(op->drives->nodes, drives_node(op->drives, entry.ino), 1);
}

static void lookup_drive(fuse_req_t request, const char *name)
{
    struct drives *drives = drives_of(request);
    struct format_attributes attributes;
    struct fuse_entry_param entry;
    drives_root_attributes(drives, &attributes);
    for (size_t i = 0; i < DRIVES_DEVICES_MOST; i++) {
        const struct drive *drive = &drives->drives[i];
        if (!drive->there || strcmp(drive->name, name) != 0)
            continue;
        if (!drives_entry(drives, nodes_root(drives->nodes), name, drive->device, &attributes, &entry))
            fuse_reply_err(request, ENOMEM);
        else if (fuse_reply_entry(request, &entry) != 0)
            nodes_let_go(drives->nodes, drives_node(drives, entry.ino), 1);
        return;
    }
    fuse_reply_err(request, ENOENT);
}

void drives_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
    if (parent == FUSE_ROOT_ID) {
        lookup_drive(request, name);
        return;
    }
    struct op *op = op_new(request, parent, name, look_steps, finish_entry);
    if (op == NULL)
        return;
    op->disposition = DISPOSITION_OPEN;
    op_run(op);
}

static void forget(struct drives *drives, fuse_ino_t inode, uint64_t times)
{
    if (inode != FUSE_ROOT_ID)
        nodes_let_go(drives->nodes, drives_node(drives, inode), times);
}

void drives_forget(fuse_req_t request, fuse_ino_t inode, uint64_t times)
{
    forget(drives_of(request), inode, times);
    fuse_reply_none(request);
}

void drives_forget_many(fuse_req_t request, size_t count, struct fuse_forget_data *forgotten)
{
    for (size_t i = 0; i < count; i++)
        forget(drives_of(request), forgotten[i].ino, forgotten[i].nlookup);
    fuse_reply_none(request);
}

static void finish_attributes(struct op *op)
{
    struct stat stat;
    if (op->error != 0) {
        fuse_reply_err(op->request, op->error);
        return;
    }
    drives_stat(op->node, &op->attributes, &stat);
    fuse_reply_attr(op->request, &stat, DRIVES_KEPT_SECONDS);
}

/* The file that `info` has open is used, where that is given. */
static void use_open(struct op *op, const struct fuse_file_info *info)
{
    const struct handle *handle = info != NULL && !op->node->folder ? (const struct handle *)info->fh : NULL;
    if (handle != NULL) {
        op->device = handle->device;
        op->file = handle->file;
        op->next++; /* op_open */
    }
}

static void reply_root(fuse_req_t request)
{
    struct drives *drives = drives_of(request);
    struct format_attributes attributes;
    struct stat stat;
    drives_root_attributes(drives, &attributes);
    drives_stat(nodes_root(drives->nodes), &attributes, &stat);
    fuse_reply_attr(request, &stat, DRIVES_KEPT_SECONDS);
}

void drives_getattr(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info)
{
    if (inode == FUSE_ROOT_ID) {
        reply_root(request);
        return;
    }
    struct op *op = op_new(request, inode, NULL, look_steps, finish_attributes);
    if (op == NULL)
        return;
    op->disposition = DISPOSITION_OPEN;
    use_open(op, info);
    op_run(op);
}

/* The owner can be set to who it is. */
static bool owner_is_right(const struct stat *wanted, int which)
{
    return ((which & FUSE_SET_ATTR_UID) == 0 || wanted->st_uid == getuid()) &&
           ((which & FUSE_SET_ATTR_GID) == 0 || wanted->st_gid == getgid());
}

void drives_setattr(fuse_req_t request, fuse_ino_t inode, struct stat *wanted, int which,
                    struct fuse_file_info *info)
{
    static const op_step size_steps[] = {op_open, op_set_size, op_query_basic, op_query_standard, NULL};
    static const op_step basic_steps[] = {op_open,        op_query_basic,    op_set_basic,
                                          op_query_basic, op_query_standard, NULL};
    static const op_step both_steps[] = {
        op_open, op_set_size, op_query_basic, op_set_basic, op_query_basic, op_query_standard, NULL};
    const int basic = FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME |
                      FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME_NOW;
    bool sized = (which & FUSE_SET_ATTR_SIZE) != 0;
    const op_step *steps = (which & basic) == 0 ? look_steps : basic_steps;
    if (sized)
        steps = (which & basic) == 0 ? size_steps : both_steps;
    struct op *op = op_new(request, inode, NULL, steps, finish_attributes);
    if (op == NULL)
        return;
    if (!owner_is_right(wanted, which))
        op->error = EPERM;
    op->disposition = DISPOSITION_OPEN;
    op->access = (sized ? ACCESS_WRITE : 0) | ((which & basic) != 0 ? ACCESS_SET_ATTRIBUTES : 0);
    op->wanted = *wanted;
    op->which = which;
    if (sized)
        use_open(op, info); /* others may be open for reading alone */
    op_run(op);
}

void drives_mkdir(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode)
{
    struct op *op = op_new(request, parent, name, look_steps, finish_entry);
    (void)mode; /* folders of the client have none */
    if (op == NULL)
        return;
    if (op->error == 0 && !format_name_may_be_new(name))
        op->error = EINVAL;
    op->access = ACCESS_READ;
    op->disposition = DISPOSITION_CREATE;
    op->create_attributes = FILE_ATTRIBUTE_DIRECTORY;
    op->options = OPTION_FOLDER;
    op_run(op);
}

static void finish_removed(struct op *op)
{
    struct node *node = op->error == 0 ? nodes_find(op->drives->nodes, op->node, op->name) : NULL;
    if (node != NULL)
        nodes_remove(op->drives->nodes, node);
    fuse_reply_err(op->request, op->error);
}

/* What is marked goes when it is closed: only then is the kernel told. */
static void remove_named(fuse_req_t request, fuse_ino_t parent, const char *name, uint32_t options)
{
    static const op_step steps[] = {op_open, op_set_deleted, NULL};
    struct op *op = op_new(request, parent, name, steps, finish_removed);
    if (op == NULL)
        return;
    op->access = ACCESS_DELETE;
    op->disposition = DISPOSITION_OPEN;
    op->options = options;
    op->wait_close = true;
    op_run(op);
}

void drives_unlink(fuse_req_t request, fuse_ino_t parent, const char *name)
{
    remove_named(request, parent, name, OPTION_NO_FOLDER);
}

void drives_rmdir(fuse_req_t request, fuse_ino_t parent, const char *name)
{
    remove_named(request, parent, name, OPTION_FOLDER);
}

static void finish_renamed(struct op *op)
{
    struct nodes *nodes = op->drives->nodes;
    struct node *node = op->error == 0 ? nodes_find(nodes, op->node, op->name) : NULL;
    if (node != NULL)
        nodes_move(nodes, node, op->target, op->target_name);
    fuse_reply_err(op->request, op->error);
}

void drives_rename(fuse_req_t request, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
                   const char *new_name, unsigned int flags)
{
    static const op_step steps[] = {op_open, op_set_name, op_look_renamed, NULL};
    struct op *op = op_new(request, parent, name, steps, finish_renamed);
    if (op == NULL)
        return;
    op->target = drives_node(op->drives, new_parent);
    node_hold(op->target);
    if (op->error == 0 && ((flags & ~NO_REPLACE) != 0 || !format_name_may_be_new(new_name)))
        op->error = EINVAL;
    else if (op->error == 0 && op->target->device != op->device)
        op->error = EXDEV;
    text_copy(op->target_name, sizeof(op->target_name), new_name);
    op->replace = (flags & NO_REPLACE) == 0;
    op->access = ACCESS_DELETE;
    op->disposition = DISPOSITION_OPEN;
    op->wait_close = true;
    op_run(op);
}

static void finish_statfs(struct op *op)
{
    if (op->error == 0)
        fuse_reply_statfs(op->request, &op->volume);
    else
        fuse_reply_err(op->request, op->error);
}

void drives_statfs(fuse_req_t request, fuse_ino_t inode)
{
    static const op_step steps[] = {op_open, op_query_volume, NULL};
    if (inode == FUSE_ROOT_ID) {
        struct statvfs none = {.f_bsize = 4096, .f_frsize = 4096, .f_namemax = FORMAT_NAME_ROOM - 1};
        fuse_reply_statfs(request, &none);
        return;
    }
    struct op *op = op_new(request, inode, NULL, steps, finish_statfs);
    if (op == NULL)
        return;
    op->disposition = DISPOSITION_OPEN;
    op_run(op);
}
