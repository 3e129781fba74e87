#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "redirect/drives-op.h"
#include "redirect/drives.h"

#define CLASS_BOTH   3
#define WINDOW       16      /* entries asked for together */
#define ENTRIES_MOST 1000000 /* a client that goes on for ever */
#define DOTS         2       /* "." and ".." are entries 0 and 1 */

/* One entry; the name is in `names`. */
struct entry {
    size_t name;
    struct format_attributes attributes;
};

/* A folder that a program has open: read whole, when it is read first. */
struct listing {
    struct drives *drives;
    struct node *node; /* held */
    uint32_t device, file;
    bool begun, opened, at_end, released;
    int error;
    size_t open; /* questions not answered yet */
    struct entry *entries;
    size_t count, room;
    char *names;
    size_t names_used, names_room;
    /* The read that waits; NULL: none. */
    fuse_req_t request;
    size_t size, offset;
    bool plus;
};

static void listing_free(struct listing *listing)
{
    nodes_let_go(listing->drives->nodes, listing->node, 1);
    free(listing->entries);
    free(listing->names);
    free(listing);
}

static bool room_make(void **memory, size_t *room, size_t need, size_t each)
{
    if (need <= *room)
        return true;
    size_t more = *room * 2 > need ? *room * 2 : need + 64;
    void *grown = realloc(*memory, more * each);
    if (grown == NULL)
        return false;
    *memory = grown;
    *room = more;
    return true;
}

/* Returns an errno. */
static int entry_add(struct listing *listing, const char *name, const struct format_attributes *attributes)
{
    size_t length = strlen(name) + 1;
    if (listing->count >= ENTRIES_MOST)
        return EOVERFLOW;
    if (!room_make((void **)&listing->entries, &listing->room, listing->count + 1, sizeof(struct entry)) ||
        !room_make((void **)&listing->names, &listing->names_room, listing->names_used + length, 1))
        return ENOMEM;
    listing->entries[listing->count++] = (struct entry){listing->names_used, *attributes};
    memcpy(listing->names + listing->names_used, name, length);
    listing->names_used += length;
    return 0;
}

/* Reads an answer. Names that cannot be a file's here are left out. */
static int entry_take(struct listing *listing, const uint8_t *body, size_t size)
{
    struct format_attributes attributes;
    const uint8_t *units;
    size_t bytes;
    char name[FORMAT_NAME_ROOM];
    if (!format_read_entry(body, size, &attributes, &units, &bytes))
        return EIO;
    if (!format_utf8(units, bytes, name, sizeof(name)) || !format_name_is_known(name))
        return 0;
    return entry_add(listing, name, &attributes);
}

static int drives_take(struct listing *listing)
{
    struct format_attributes attributes;
    int error = 0;
    drives_root_attributes(listing->drives, &attributes);
    for (size_t i = 0; i < DRIVES_DEVICES_MOST && error == 0; i++) {
        if (listing->drives->drives[i].there)
            error = entry_add(listing, listing->drives->drives[i].name, &attributes);
    }
    return error;
}

static uint32_t device_of(const struct listing *listing, const char *name)
{
    for (size_t i = 0; listing->node->parent == NULL && i < DRIVES_DEVICES_MOST; i++) {
        if (listing->drives->drives[i].there && strcmp(listing->drives->drives[i].name, name) == 0)
            return listing->drives->drives[i].device;
    }
    return listing->device;
}

/* Adds entry `index` behind what is in the buffer. Returns its bytes, 0 where it does not fit, or where there
 * is no memory. */
static size_t entry_put(struct listing *listing, char *buffer, size_t room, size_t index)
{
    struct fuse_entry_param entry = {0};
    off_t next = (off_t)index + 1;
    fuse_req_t request = listing->request;
    if (index < DOTS) {
        const char *name = index == 0 ? "." : "..";
        entry.attr.st_mode = S_IFDIR;
        entry.attr.st_ino = listing->node->serial;
        return listing->plus ? fuse_add_direntry_plus(request, buffer, room, name, &entry, next)
                             : fuse_add_direntry(request, buffer, room, name, &entry.attr, next);
    }
    const struct entry *found = &listing->entries[index - DOTS];
    const char *name = listing->names + found->name;
    if (!listing->plus) {
        entry.attr.st_mode =
            (found->attributes.attributes & FILE_ATTRIBUTE_DIRECTORY) != 0 ? S_IFDIR : S_IFREG;
        entry.attr.st_ino = index + DOTS; /* of no meaning: the kernel asks for those that it needs */
        return fuse_add_direntry(request, buffer, room, name, &entry.attr, next);
    }
    size_t need = fuse_add_direntry_plus(request, NULL, 0, name, NULL, 0);
    if (need > room || !drives_entry(listing->drives, listing->node, name, device_of(listing, name),
                                     &found->attributes, &entry))
        return 0;
    return fuse_add_direntry_plus(request, buffer, room, name, &entry, next);
}

/* Answers the read that waits. */
static void answer(struct listing *listing)
{
    fuse_req_t request = listing->request;
    char *buffer = listing->error == 0 ? malloc(listing->size) : NULL;
    size_t used = 0;
    if (listing->error == 0 && buffer == NULL)
        listing->error = ENOMEM;
    for (size_t i = listing->offset; listing->error == 0 && i < listing->count + DOTS; i++) {
        size_t need = entry_put(listing, buffer + used, listing->size - used, i);
        if (need == 0 || need > listing->size - used)
            break;
        used += need;
    }
    listing->request = NULL;
    if (listing->error != 0)
        fuse_reply_err(request, listing->error);
    else
        fuse_reply_buf(request, buffer, used);
    free(buffer);
}

static void listing_go_on(struct listing *listing);

static void on_entry(void *user, uint32_t status, const uint8_t *body, size_t size)
{
    struct listing *listing = user;
    listing->open--;
    if (status == STATUS_NO_MORE_FILES || status == STATUS_NO_SUCH_FILE)
        listing->at_end = true;
    else if (listing->error == 0)
        listing->error = format_errno(status) != 0 ? format_errno(status) : entry_take(listing, body, size);
    listing_go_on(listing);
}

/* Asks for one more entry; the first question has the pattern. */
static void entry_ask(struct listing *listing, bool first)
{
    uint8_t bytes[DRIVES_BODY_HEAD] = {0}, path[FORMAT_PATH_UNITS * 2];
    struct wire_writer head = wire_writer_over(bytes, sizeof(bytes)),
                       to = wire_writer_over(path, sizeof(path));
    if (first && !node_path(listing->node, "*", &to)) {
        listing->error = ENAMETOOLONG;
        return;
    }
    wire_put_u32(&head, CLASS_BOTH);
    wire_put_u8(&head, first);
    wire_put_u32(&head, (uint32_t)to.used);
    struct client_question question = {.major = DRIVES_DIRECTORY,
                                       .device = listing->device,
                                       .file = listing->file,
                                       .head = bytes,
                                       .data = path,
                                       .size = to.used};
    if (client_ask(listing->drives->client, &question, listing->drives->now_ms, on_entry, listing))
        listing->open++;
    else
        listing->error = ENOMEM;
}

/* Whatever has come: asks for more, or ends. */
static void listing_go_on(struct listing *listing)
{
    while (listing->error == 0 && !listing->at_end && !listing->released && listing->open < WINDOW)
        entry_ask(listing, false);
    if (listing->open > 0)
        return;
    if (listing->opened)
        client_close(listing->drives->client, listing->device, listing->file, listing->drives->now_ms);
    listing->opened = false;
    if (listing->request != NULL)
        answer(listing);
    if (listing->released)
        listing_free(listing);
}

static void on_open(void *user, uint32_t status, const uint8_t *body, size_t size)
{
    struct listing *listing = user;
    listing->open--;
    listing->error = format_errno(status);
    if (listing->error == 0 && !format_read_file_id(body, size, &listing->file))
        listing->error = EIO;
    listing->opened = listing->error == 0;
    if (listing->opened && !listing->released)
        entry_ask(listing, true); /* alone: the others go on from it */
    if (listing->open == 0)
        listing_go_on(listing);
}

static void open_ask(struct listing *listing)
{
    uint8_t bytes[DRIVES_BODY_HEAD] = {0}, path[FORMAT_PATH_UNITS * 2];
    struct wire_writer head = wire_writer_over(bytes, sizeof(bytes)),
                       to = wire_writer_over(path, sizeof(path));
    if (!node_path(listing->node, NULL, &to)) {
        listing->error = ENAMETOOLONG;
        return;
    }
    wire_put_u32(&head, ACCESS_READ | ACCESS_READ_ATTRIBUTES | ACCESS_SYNCHRONIZE);
    wire_put_u64(&head, 0);
    wire_put_u32(&head, 0);
    wire_put_u32(&head, 7);
    wire_put_u32(&head, DISPOSITION_OPEN);
    wire_put_u32(&head, OPTION_FOLDER | OPTION_SYNCHRONOUS);
    wire_put_u32(&head, (uint32_t)to.used);
    struct client_question question = {
        .major = DRIVES_CREATE, .device = listing->device, .head = bytes, .data = path, .size = to.used};
    if (client_ask(listing->drives->client, &question, listing->drives->now_ms, on_open, listing))
        listing->open++;
    else
        listing->error = ENOMEM;
}

static void on_interrupt(fuse_req_t request, void *user)
{
    struct listing *listing = user;
    (void)request;
    client_hurry(listing->drives->client, listing, listing->drives->now_ms);
}

static void listing_begin(struct listing *listing)
{
    const struct drive *drive = drives_drive(listing->drives, listing->node);
    listing->begun = true;
    if (listing->node->parent == NULL) {
        listing->error = drives_take(listing);
    } else if (drive == NULL) {
        listing->error = ENODEV;
    } else {
        listing->device = drive->device;
        open_ask(listing);
    }
}

static void list_read(fuse_req_t request, size_t size, off_t offset, const struct fuse_file_info *info,
                      bool plus)
{
    struct listing *listing = (struct listing *)info->fh;
    if (listing->request != NULL) {
        fuse_reply_err(request, EBUSY);
        return;
    }
    listing->request = request;
    listing->size = size;
    listing->offset = offset < 0 ? 0 : (size_t)offset;
    listing->plus = plus;
    if (!listing->begun)
        listing_begin(listing);
    if (listing->open == 0)
        answer(listing);
    else
        fuse_req_interrupt_func(request, on_interrupt, listing);
}

void drives_opendir(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info)
{
    struct drives *drives = drives_of(request);
    struct listing *listing = calloc(1, sizeof(*listing));
    if (listing == NULL) {
        fuse_reply_err(request, ENOMEM);
        return;
    }
    listing->drives = drives;
    listing->node = drives_node(drives, inode);
    node_hold(listing->node);
    info->fh = (uint64_t)(uintptr_t)listing;
    if (fuse_reply_open(request, info) != 0)
        listing_free(listing);
}

void drives_readdir(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset,
                    struct fuse_file_info *info)
{
    (void)inode;
    list_read(request, size, offset, info, false);
}

void drives_readdirplus(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset,
                        struct fuse_file_info *info)
{
    (void)inode;
    list_read(request, size, offset, info, true);
}

void drives_releasedir(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info)
{
    struct listing *listing = (struct listing *)info->fh;
    (void)inode;
    listing->released = true;
    if (listing->open == 0)
        listing_free(listing);
    fuse_reply_err(request, 0);
}
