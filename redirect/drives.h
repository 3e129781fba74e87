/* lodge-drives: the client's drives as folders, by FUSE. One thread: the kernel's requests become questions
 * to the client, and wait for their answers without holding up each other. */
#pragma once

#define FUSE_USE_VERSION 35
#include <fuse3/fuse_lowlevel.h>

#include "redirect/drives-client.h"
#include "redirect/drives-format.h"
#include "redirect/drives-nodes.h"

/* How long the kernel takes for granted what it was told of a file; the client's own programs change it too.
 */
#define DRIVES_KEPT_SECONDS 2.0

struct drive {
    bool there;
    uint32_t device;
    char name[FORMAT_NAME_ROOM];
};

struct drives {
    struct client *client;
    struct nodes *nodes;
    struct drive drives[DRIVES_DEVICES_MOST];
    int64_t now_ms; /* of this turn of the loop */
    int64_t began_s;
    size_t open_files;
};

/* A file or folder that a program has open: fuse_file_info's fh. */
struct handle {
    uint32_t device, file;
};

/* drives-fs.c: what is done with names and attributes. */
void drives_lookup(fuse_req_t request, fuse_ino_t parent, const char *name);
void drives_forget(fuse_req_t request, fuse_ino_t inode, uint64_t times);
void drives_forget_many(fuse_req_t request, size_t count, struct fuse_forget_data *forgotten);
void drives_getattr(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info);
void drives_setattr(fuse_req_t request, fuse_ino_t inode, struct stat *wanted, int which,
                    struct fuse_file_info *info);
void drives_mkdir(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode);
void drives_unlink(fuse_req_t request, fuse_ino_t parent, const char *name);
void drives_rmdir(fuse_req_t request, fuse_ino_t parent, const char *name);
void drives_rename(fuse_req_t request, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
                   const char *new_name, unsigned int flags);
void drives_statfs(fuse_req_t request, fuse_ino_t inode);
/* drives-files.c: open files. */
void drives_open(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info);
void drives_create(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode,
                   struct fuse_file_info *info);
void drives_read(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset,
                 struct fuse_file_info *info);
void drives_write(fuse_req_t request, fuse_ino_t inode, const char *data, size_t size, off_t offset,
                  struct fuse_file_info *info);
void drives_flush(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info);
void drives_fsync(fuse_req_t request, fuse_ino_t inode, int data_only, struct fuse_file_info *info);
void drives_release(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info);
/* drives-list.c: open folders. */
void drives_opendir(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info);
void drives_readdir(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset,
                    struct fuse_file_info *info);
void drives_readdirplus(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset,
                        struct fuse_file_info *info);
void drives_releasedir(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info);

/* drives-devices.c */
struct drives *drives_of(fuse_req_t request);
struct node *drives_node(struct drives *drives, fuse_ino_t inode);
/* The drive that a node is on; NULL: of the folder of all drives, and where the drive has gone. */
const struct drive *drives_drive(const struct drives *drives, const struct node *node);
void drives_device_add(struct drives *drives, uint32_t device, const uint8_t *dos_name, const uint8_t *data,
                       size_t size);
void drives_device_remove(struct drives *drives, uint32_t device);
/* Attributes of the folder of all drives. */
void drives_root_attributes(const struct drives *drives, struct format_attributes *attributes_r);
/* What the kernel is told of a file: owned by who runs this. */
void drives_stat(const struct node *node, const struct format_attributes *attributes, struct stat *stat_r);
/* The same for an answer that names the node; it is held once more. Returns false: out of memory. */
bool drives_entry(struct drives *drives, struct node *parent, const char *name, uint32_t device,
                  const struct format_attributes *attributes, struct fuse_entry_param *entry_r);
