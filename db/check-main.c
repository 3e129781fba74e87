/* lodge-db-check: reads the whole database and says whether it is sound. A program for the boot: it becomes
 * BrokerUser first, so that what SQLite makes beside the file is the broker's. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/conf.h"
#include "common/text.h"

#define PROBLEMS_MOST "5"
#define WAIT_MS       5000

static bool drop(const struct conf *conf)
{
    const struct passwd *user = getpwnam(conf->broker_user);
    if (geteuid() != 0)
        return true;
    if (user == NULL || user->pw_uid == 0) {
        fprintf(stderr, "lodge-db-check: BrokerUser \"%s\" is no account, or root\n", conf->broker_user);
        return false;
    }
    if (setgroups(0, NULL) == 0 && setresgid(user->pw_gid, user->pw_gid, user->pw_gid) == 0 &&
        setresuid(user->pw_uid, user->pw_uid, user->pw_uid) == 0)
        return true;
    fprintf(stderr, "lodge-db-check: cannot become %s: %s\n", conf->broker_user, strerror(errno));
    return false;
}

/* Writes each line of SQLite's answer but "ok". Returns true when there was none. */
static bool is_sound(sqlite3 *database, const char *path)
{
    sqlite3_stmt *statement = NULL;
    bool sound = true;
    int code =
        sqlite3_prepare_v2(database, "PRAGMA integrity_check(" PROBLEMS_MOST ")", -1, &statement, NULL);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(statement);
        const char *text = code == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
        char safe[512];
        if (text != NULL && strcmp(text, "ok") != 0) {
            printf("%s: %s\n", path, text_escape(safe, sizeof(safe), text));
            sound = false;
        }
    }
    if (code != SQLITE_DONE)
        printf("%s: %s\n", path, sqlite3_errmsg(database));
    sqlite3_finalize(statement);
    return sound && code == SQLITE_DONE;
}

static int check(const char *path)
{
    sqlite3 *database = NULL;
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        printf("%s is not there yet\n", path);
        return 0;
    }
    bool sound = false;
    if (sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK) {
        sqlite3_busy_timeout(database, WAIT_MS);
        sound = is_sound(database, path);
    } else {
        printf("%s: %s\n", path, database != NULL ? sqlite3_errmsg(database) : "out of memory");
    }
    sqlite3_close(database);
    if (sound)
        printf("%s is sound\n", path);
    return sound ? 0 : 1;
}

int main(int argc, char **argv)
{
    static struct conf conf;
    char error[512], path[CONF_TEXT_MAX + 32];
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("lodge-db-check " LODGE_VERSION);
        return 0;
    }
    if (argc != 1 && (argc != 3 || strcmp(argv[1], "--config") != 0)) {
        puts("Usage: lodge-db-check [--config FILE]\n"
             "Reads the whole database of Lodge; exit status 1: it is damaged.");
        return argc == 2 && strcmp(argv[1], "--help") == 0 ? 0 : 2;
    }
    if (!conf_load(&conf, argc == 3 ? argv[2] : CONF_DEFAULT_FILE, error, sizeof(error))) {
        fprintf(stderr, "lodge-db-check: %s\n", error);
        return 2;
    }
    if (!drop(&conf))
        return 2;
    return check(conf_state_path(&conf, "db/lodge.db", path, sizeof(path)));
}
