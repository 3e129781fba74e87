#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/text.h"
#include "redirect/drives.h"

struct drives *drives_of(fuse_req_t request)
{
    return fuse_req_userdata(request);
}

struct node *drives_node(struct drives *drives, fuse_ino_t inode)
{
    return inode == FUSE_ROOT_ID ? nodes_root(drives->nodes) : (struct node *)(uintptr_t)inode;
}

static struct drive *find(struct drives *drives, uint32_t device)
{
    for (size_t i = 0; i < DRIVES_DEVICES_MOST; i++) {
        if (drives->drives[i].there && drives->drives[i].device == device)
            return &drives->drives[i];
    }
    return NULL;
}

const struct drive *drives_drive(const struct drives *drives, const struct node *node)
{
    return node->parent == NULL ? NULL : find((struct drives *)drives, node->device);
}

static bool is_taken(const struct drives *drives, const char *name)
{
    for (size_t i = 0; i < DRIVES_DEVICES_MOST; i++) {
        if (drives->drives[i].there && strcmp(drives->drives[i].name, name) == 0)
            return true;
    }
    return false;
}

/* Two drives of one name: the second is "NAME (2)". */
static void name_make_own(const struct drives *drives, char name[FORMAT_NAME_ROOM])
{
    char stem[FORMAT_NAME_ROOM - 8];
    if (strlen(name) >= sizeof(stem)) {
        size_t length = sizeof(stem) - 1;
        while (length > 0 && (name[length] & 0xC0) == 0x80)
            length--;
        name[length] = '\0';
    }
    text_copy(stem, sizeof(stem), name);
    for (unsigned number = 2; is_taken(drives, name); number++)
        snprintf(name, FORMAT_NAME_ROOM, "%s (%u)", stem, number);
}

void drives_device_add(struct drives *drives, uint32_t device, const uint8_t *dos_name, const uint8_t *data,
                       size_t size)
{
    size_t i = 0;
    while (i < DRIVES_DEVICES_MOST && drives->drives[i].there)
        i++;
    if (i == DRIVES_DEVICES_MOST || find(drives, device) != NULL)
        return;
    char name[FORMAT_NAME_ROOM];
    format_drive_name(dos_name, data, size, name);
    name_make_own(drives, name);
    drives->drives[i].there = true;
    drives->drives[i].device = device;
    text_copy(drives->drives[i].name, sizeof(drives->drives[i].name), name);
    log_info(NULL, "the client's drive %s is there", name);
}

void drives_device_remove(struct drives *drives, uint32_t device)
{
    struct drive *drive = find(drives, device);
    if (drive == NULL)
        return;
    struct node *node = nodes_find(drives->nodes, nodes_root(drives->nodes), drive->name);
    drive->there = false;
    if (node != NULL)
        nodes_remove(drives->nodes, node);
    log_info(NULL, "the client's drive %s has gone", drive->name);
    client_fail(drives->client, &device, DRIVES_STATUS_NO_DEVICE);
}

void drives_root_attributes(const struct drives *drives, struct format_attributes *attributes_r)
{
    uint64_t began = format_filetime((struct timespec){.tv_sec = drives->began_s});
    *attributes_r = (struct format_attributes){.created = began,
                                               .accessed = began,
                                               .written = began,
                                               .changed = began,
                                               .attributes = FILE_ATTRIBUTE_DIRECTORY};
}

void drives_stat(const struct node *node, const struct format_attributes *attributes, struct stat *stat_r)
{
    memset(stat_r, 0, sizeof(*stat_r));
    format_stat(attributes, stat_r);
    stat_r->st_ino = node->serial;
    stat_r->st_uid = getuid();
    stat_r->st_gid = getgid();
    if (node->parent == NULL)
        stat_r->st_mode = S_IFDIR | 0555; /* drives come and go by the client alone */
}

bool drives_entry(struct drives *drives, struct node *parent, const char *name, uint32_t device,
                  const struct format_attributes *attributes, struct fuse_entry_param *entry_r)
{
    bool folder = (attributes->attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
    struct node *node = nodes_take(drives->nodes, parent, name, folder, device);
    if (node == NULL)
        return false;
    memset(entry_r, 0, sizeof(*entry_r));
    entry_r->ino = (fuse_ino_t)(uintptr_t)node;
    entry_r->attr_timeout = entry_r->entry_timeout = DRIVES_KEPT_SECONDS;
    drives_stat(node, attributes, &entry_r->attr);
    return true;
}
