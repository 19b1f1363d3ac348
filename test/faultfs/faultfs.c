// Disk faults at the system call: loaded into a process with LD_PRELOAD, this counts what the process does to the files below one
// folder, and lets the nth operation fail or kills the process before it. Nothing outside the folder is touched.
//
//   FAULTFS_ROOT    the folder, absolute and without links; unset: nothing happens
//   FAULTFS_OPS     the classes that count, with commas between: write, sync, truncate, rename, unlink, mkdir, open, look, read
//                   (open: to write or make a file; look: to open one for reading)
//   FAULTFS_AT      the number of the operation that is hit, from 1, over all threads; unset: none
//   FAULTFS_ERRNO   what it fails with, as a number
//   FAULTFS_KILL    1: SIGKILL instead of an error
//   FAULTFS_STICKY  1: all counted operations after it fail too, as on a disk that stays full
//   FAULTFS_DELAY   how many milliseconds an operation that is hit waits before it is done, as on a slow disk, instead of failing
//   FAULTFS_TORN    1: a write that is hit does its first half before
//   FAULTFS_LOG     a file that gets a line per operation below the folder, of any class: class, path, and ` !` when it is hit
//
//   cc -shared -fPIC -O2 -o faultfs.so faultfs.c -ldl

#define _GNU_SOURCE
#undef _FORTIFY_SOURCE // Its headers have inline versions of the functions that are defined here.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum operation { WRITE, SYNC, TRUNCATE, RENAME, UNLINK, MKDIR, OPEN, LOOK, READ, OPERATIONS };
enum fate { PASS, TEAR, FAIL };

static const char *const names[OPERATIONS] = { "write", "sync", "truncate", "rename", "unlink", "mkdir", "open", "look", "read" };

static const char *root;
static size_t root_length;
static unsigned counted;
static long at, delay;
static int error_number;
static bool kills, sticky, tears;
static int log_file = -1;
static atomic_long count;

// The function that the program would have called without us.
#define REAL(name) ({ static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name); real; })

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value && strcmp(value, "1") == 0;
}

__attribute__((constructor)) static void configure(void)
{
    const char *value = getenv("FAULTFS_OPS");
    for (int i = 0; i < OPERATIONS; i++)
        for (const char *found = value; found && (found = strstr(found, names[i])); found++)
            if ((found == value || found[-1] == ',') && strchr(",", found[strlen(names[i])]))
                counted |= 1u << i;

    at = (value = getenv("FAULTFS_AT")) ? atol(value) : 0;
    delay = (value = getenv("FAULTFS_DELAY")) ? atol(value) : 0;
    error_number = (value = getenv("FAULTFS_ERRNO")) ? atoi(value) : EIO;
    kills = is_set("FAULTFS_KILL");
    sticky = is_set("FAULTFS_STICKY");
    tears = is_set("FAULTFS_TORN");
    if ((value = getenv("FAULTFS_LOG")))
        log_file = REAL(open)(value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    // Last: until the folder is known, every call passes.
    root = getenv("FAULTFS_ROOT");
    root_length = root ? strlen(root) : 0;
}

// Counts an operation and says what becomes of it. Async-signal-safe for files outside the folder, as the wrapped functions are.
static enum fate fate(enum operation operation, const char *path)
{
    if (!root || strncmp(path, root, root_length) != 0 || (path[root_length] != '/' && path[root_length] != '\0'))
        return PASS;

    long number = counted & (1u << operation) ? atomic_fetch_add(&count, 1) + 1 : 0;
    bool hit = at > 0 && (number == at || (sticky && number > at));
    if (log_file >= 0) {
        char line[PATH_MAX + 32];
        int length = snprintf(line, sizeof line, "%s %s%s\n", names[operation], path, hit ? " !" : "");
        // One call per line: lines of several threads do not mix in a file that is appended to.
        if (REAL(write)(log_file, line, length) != length)
            abort();
    }

    if (!hit)
        return PASS;
    if (delay > 0) {
        usleep(delay * 1000);
        return PASS;
    }
    if (tears && operation == WRITE && number == at)
        return TEAR;
    if (kills)
        raise(SIGKILL);
    errno = error_number;
    return FAIL;
}

// Descriptors are asked, not remembered: dup, and closing behind our back, then need no care.
static enum fate fate_of(enum operation operation, int fd)
{
    char link[32], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = root ? readlink(link, path, sizeof path - 1) : -1;
    path[length > 0 ? length : 0] = '\0';
    return fate(operation, path);
}

static enum fate fate_at(enum operation operation, int folder, const char *path)
{
    char base[PATH_MAX] = "", full[PATH_MAX * 2], link[32];
    if (!root || path[0] == '/')
        return fate(operation, path);

    snprintf(link, sizeof link, folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", folder);
    ssize_t length = readlink(link, base, sizeof base - 1);
    base[length > 0 ? length : 0] = '\0';
    snprintf(full, sizeof full, "%s/%s", base, path);
    full[PATH_MAX - 1] = '\0';
    return fate(operation, full);
}

// What is left of a torn write: its length, unless the process dies of it.
static ssize_t torn(ssize_t written)
{
    if (kills)
        raise(SIGKILL);
    return written;
}

ssize_t write(int fd, const void *data, size_t size)
{
    switch (fate_of(WRITE, fd)) {
    case TEAR: return torn(REAL(write)(fd, data, (size + 1) / 2));
    case FAIL: return -1;
    default: return REAL(write)(fd, data, size);
    }
}

// In 64-bit programs off_t and off64_t are the same, but each name is a symbol of its own.
#define PWRITE(name) \
    ssize_t name(int fd, const void *data, size_t size, off_t offset) \
    { \
        switch (fate_of(WRITE, fd)) { \
        case TEAR: return torn(REAL(name)(fd, data, (size + 1) / 2, offset)); \
        case FAIL: return -1; \
        default: return REAL(name)(fd, data, size, offset); \
        } \
    }

PWRITE(pwrite)
PWRITE(pwrite64)

// Where a call has nothing to tear, it is hit as a whole.
#define HIT(verdict) ({ enum fate is = (verdict); is == TEAR && kills ? (void)raise(SIGKILL) : (void)0; is == TEAR ? (errno = error_number) : 0; is != PASS; })

ssize_t writev(int fd, const struct iovec *parts, int n) { return HIT(fate_of(WRITE, fd)) ? -1 : REAL(writev)(fd, parts, n); }
ssize_t pwritev(int fd, const struct iovec *parts, int n, off_t offset) { return HIT(fate_of(WRITE, fd)) ? -1 : REAL(pwritev)(fd, parts, n, offset); }
ssize_t pwritev64(int fd, const struct iovec *parts, int n, off_t offset) { return HIT(fate_of(WRITE, fd)) ? -1 : REAL(pwritev64)(fd, parts, n, offset); }

ssize_t read(int fd, void *data, size_t size) { return HIT(fate_of(READ, fd)) ? -1 : REAL(read)(fd, data, size); }
ssize_t pread(int fd, void *data, size_t size, off_t offset) { return HIT(fate_of(READ, fd)) ? -1 : REAL(pread)(fd, data, size, offset); }
ssize_t pread64(int fd, void *data, size_t size, off_t offset) { return HIT(fate_of(READ, fd)) ? -1 : REAL(pread64)(fd, data, size, offset); }
ssize_t preadv(int fd, const struct iovec *parts, int n, off_t offset) { return HIT(fate_of(READ, fd)) ? -1 : REAL(preadv)(fd, parts, n, offset); }
ssize_t preadv64(int fd, const struct iovec *parts, int n, off_t offset) { return HIT(fate_of(READ, fd)) ? -1 : REAL(preadv64)(fd, parts, n, offset); }

int fsync(int fd) { return HIT(fate_of(SYNC, fd)) ? -1 : REAL(fsync)(fd); }
int fdatasync(int fd) { return HIT(fate_of(SYNC, fd)) ? -1 : REAL(fdatasync)(fd); }

int ftruncate(int fd, off_t size) { return HIT(fate_of(TRUNCATE, fd)) ? -1 : REAL(ftruncate)(fd, size); }
int ftruncate64(int fd, off_t size) { return HIT(fate_of(TRUNCATE, fd)) ? -1 : REAL(ftruncate64)(fd, size); }

int rename(const char *from, const char *to) { return HIT(fate_at(RENAME, AT_FDCWD, to)) ? -1 : REAL(rename)(from, to); }
int renameat(int a, const char *from, int b, const char *to) { return HIT(fate_at(RENAME, b, to)) ? -1 : REAL(renameat)(a, from, b, to); }
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) { return HIT(fate_at(RENAME, b, to)) ? -1 : REAL(renameat2)(a, from, b, to, flags); }

int unlink(const char *path) { return HIT(fate_at(UNLINK, AT_FDCWD, path)) ? -1 : REAL(unlink)(path); }
int unlinkat(int folder, const char *path, int flags) { return HIT(fate_at(UNLINK, folder, path)) ? -1 : REAL(unlinkat)(folder, path, flags); }

int mkdir(const char *path, mode_t mode) { return HIT(fate_at(MKDIR, AT_FDCWD, path)) ? -1 : REAL(mkdir)(path, mode); }

static mode_t mode_of(int flags, va_list more)
{
    return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(more, mode_t) : 0;
}

static bool open_is_hit(int folder, const char *path, int flags)
{
    return HIT(fate_at(flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC) ? OPEN : LOOK, folder, path));
}

#define OPENS(name) \
    int name(const char *path, int flags, ...) \
    { \
        va_list more; \
        va_start(more, flags); \
        mode_t mode = mode_of(flags, more); \
        va_end(more); \
        return open_is_hit(AT_FDCWD, path, flags) ? -1 : REAL(name)(path, flags, mode); \
    }

#define OPENS_AT(name) \
    int name(int folder, const char *path, int flags, ...) \
    { \
        va_list more; \
        va_start(more, flags); \
        mode_t mode = mode_of(flags, more); \
        va_end(more); \
        return open_is_hit(folder, path, flags) ? -1 : REAL(name)(folder, path, flags, mode); \
    }

OPENS(open)
OPENS(open64)
OPENS_AT(openat)
OPENS_AT(openat64)
