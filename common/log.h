/* One line a message on standard error: time, level, program, what it is about, text. In a file and in
 * systemd's journal alike, which is told the priority besides. Untrusted text goes through %s and is escaped
 * as a whole line. Keeps errno. */
#pragma once

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Names the program in each line and sets the least important level that is written. `program` is kept. */
void log_start(const char *program, enum log_level level);
/* Writes to this descriptor from now on, instead of standard error. */
void log_to(int fd);

/* `about` is what the line is about ("session 3", "10.0.0.1:5000"), or NULL. */
__attribute__((format(printf, 3, 4))) void log_write(enum log_level level, const char *about,
                                                     const char *format, ...);
/* Writes a line that another program's log_write has made, escaped once more for that program is not trusted.
 */
void log_pass(const char *line);

#define log_error(about, ...)   log_write(LOG_LEVEL_ERROR, about, __VA_ARGS__)
#define log_warning(about, ...) log_write(LOG_LEVEL_WARNING, about, __VA_ARGS__)
#define log_info(about, ...)    log_write(LOG_LEVEL_INFO, about, __VA_ARGS__)
#define log_debug(about, ...)   log_write(LOG_LEVEL_DEBUG, about, __VA_ARGS__)
