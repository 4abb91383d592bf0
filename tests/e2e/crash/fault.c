/* A disk that fails, for the end to end tests: preloaded into the real host, it stands before the calls that write, read and open.
 *
 * The folder HELIU_DISK says what is to happen, at every call anew:
 *   fault   "ERRNO KINDS FIRST EVERY ENDING": of the calls whose kind is one of KINDS (w write, s sync, t truncate, r read,
 *           o open) and whose file ends with ENDING ("*": the databases' four files), number FIRST fails, and each EVERY-th after it (0: none).
 *           ERRNO 0: half of it is done, and the process is killed.
 *   hold    syncs of the databases' files wait until it is gone.
 *   trace   every sync adds a line with the file's name.
 * Counting begins anew when the text of "fault" changes. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* What is read and opened here to find out is nobody's call. */
static __thread int looking;

static int ends(const char *text, const char *ending) {
    size_t a = strlen(text), b = strlen(ending);
    return a >= b && strcmp(text + a - b, ending) == 0;
}

static int name_of(int fd, char *name, size_t room) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, name, room - 1);
    if (length < 0) return 0;
    name[length] = 0;
    return 1;
}

static int is_database(const char *name) {
    return ends(name, "journal.db") || ends(name, "journal.db-wal") || ends(name, "store.db") ||
           ends(name, "store.db-wal");
}

static int control(const char *name, char *path, size_t room) {
    const char *folder = getenv("HELIU_DISK");
    if (!folder) return 0;
    snprintf(path, room, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

static int judged(const char *name, char kind) {
    static char known[256];
    static long calls;
    char path[4096], text[256] = "", kinds[16], ending[128];
    int error;
    long first, every;
    if (kind == 's' && control("trace", path, sizeof path)) {
        int trace = open(path, O_WRONLY | O_APPEND);
        if (trace >= 0) {
            dprintf(trace, "%s\n", name);
            close(trace);
        }
    }
    while (kind == 's' && is_database(name) && control("hold", path, sizeof path)) usleep(2000);
    if (!control("fault", path, sizeof path)) return 0;
    int file = open(path, O_RDONLY);
    if (file < 0) return 0;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    if (length <= 0) return 0;
    if (sscanf(text, "%d %15s %ld %ld %127s", &error, kinds, &first, &every, ending) != 5) return 0;
    if (!strchr(kinds, kind)) return 0;
    if (strcmp(ending, "*") == 0 ? !is_database(name) : !ends(name, ending)) return 0;
    pthread_mutex_lock(&lock);
    if (strcmp(known, text) != 0) {
        strcpy(known, text);
        calls = 0;
    }
    long number = ++calls;
    pthread_mutex_unlock(&lock);
    int now = number == first || (every > 0 && number > first && (number - first) % every == 0);
    return !now ? 0 : error == 0 ? -1 : error;
}

/* 0: goes on. An errno: fails. -1: dies halfway. */
static int verdict_on(const char *name, char kind) {
    if (looking) return 0;
    int before = errno;
    looking = 1;
    int now = judged(name, kind);
    looking = 0;
    errno = before;
    return now;
}

static int verdict(int fd, char kind) {
    char name[4096];
    int before = errno;
    int named = !looking && name_of(fd, name, sizeof name);
    errno = before;
    return named ? verdict_on(name, kind) : 0;
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

ssize_t write(int fd, const void *bytes, size_t count) {
    static ssize_t (*real)(int, const void *, size_t);
    if (!real) real = dlsym(RTLD_NEXT, "write");
    int now = verdict(fd, 'w');
    if (now < 0) {
        real(fd, bytes, count / 2);
        die();
    }
    if (now > 0) return errno = now, -1;
    return real(fd, bytes, count);
}

static ssize_t at(const char *symbol, int fd, const void *bytes, size_t count, off64_t offset) {
    ssize_t (*real)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, symbol);
    int now = verdict(fd, 'w');
    if (now < 0) {
        real(fd, bytes, count / 2, offset);
        die();
    }
    if (now > 0) return errno = now, -1;
    return real(fd, bytes, count, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) { return at("pwrite", fd, bytes, count, offset); }

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    return at("pwrite64", fd, bytes, count, offset);
}

static int plain(const char *symbol, int fd, char kind) {
    int (*real)(int) = dlsym(RTLD_NEXT, symbol);
    int now = verdict(fd, kind);
    if (now < 0) die();
    if (now > 0) return errno = now, -1;
    return real(fd);
}

int fsync(int fd) { return plain("fsync", fd, 's'); }

int fdatasync(int fd) { return plain("fdatasync", fd, 's'); }

static int cut(const char *symbol, int fd, off64_t length) {
    int (*real)(int, off64_t) = dlsym(RTLD_NEXT, symbol);
    int now = verdict(fd, 't');
    if (now < 0) die();
    if (now > 0) return errno = now, -1;
    return real(fd, length);
}

int ftruncate(int fd, off_t length) { return cut("ftruncate", fd, length); }

int ftruncate64(int fd, off64_t length) { return cut("ftruncate64", fd, length); }

ssize_t read(int fd, void *bytes, size_t count) {
    static ssize_t (*real)(int, void *, size_t);
    if (!real) real = dlsym(RTLD_NEXT, "read");
    int now = verdict(fd, 'r');
    if (now < 0) die();
    if (now > 0) return errno = now, -1;
    return real(fd, bytes, count);
}

static ssize_t from(const char *symbol, int fd, void *bytes, size_t count, off64_t offset) {
    ssize_t (*real)(int, void *, size_t, off64_t) = dlsym(RTLD_NEXT, symbol);
    int now = verdict(fd, 'r');
    if (now < 0) die();
    if (now > 0) return errno = now, -1;
    return real(fd, bytes, count, offset);
}

ssize_t pread(int fd, void *bytes, size_t count, off_t offset) { return from("pread", fd, bytes, count, offset); }

ssize_t pread64(int fd, void *bytes, size_t count, off64_t offset) {
    return from("pread64", fd, bytes, count, offset);
}

static int opened(const char *symbol, const char *path, int flags, va_list rest) {
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, symbol);
    int makes = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
    mode_t mode = makes ? va_arg(rest, mode_t) : 0;
    int now = verdict_on(path, 'o');
    if (now < 0) die();
    if (now > 0) return errno = now, -1;
    return real(path, flags, mode);
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    int fd = opened("open", path, flags, rest);
    va_end(rest);
    return fd;
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    int fd = opened("open64", path, flags, rest);
    va_end(rest);
    return fd;
}
