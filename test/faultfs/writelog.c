// What a process does to the files below one folder, in order and with every byte: loaded with LD_PRELOAD, this appends a record to a log for
// each file or folder that is made, renamed, linked or deleted, for each write, change of length and sync, once the call has succeeded. Several
// processes may share a log: the call and its record are one step for all of them, so that the order of the log is the order of the calls.
//
//   WRITELOG_ROOT   the folder, absolute and without links; unset: nothing happens
//   WRITELOG_FILE   the log
//
// The file `*-shm` of SQLite is left out: it is memory that is shared, and made anew after a crash. What cannot be followed, such as a file that
// is mapped for writing, is noted as ODD, and makes the log useless. Requests that make a batch are noted as SENT before they leave.
//
// A record: 40 bytes (struct record), the path, the second path, the bytes; numbers as the machine writes them.
//
//   cc -shared -fPIC -O2 -o writelog.so writelog.c -ldl -lpthread

#define _GNU_SOURCE
#undef _FORTIFY_SOURCE // Its headers have inline versions of the functions that are defined here.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { CREATE = 1, WRITE, TRUNCATE, SYNC, RENAME, UNLINK, LINK, MKDIR, RMDIR, SENT, ODD };

struct record {
    uint32_t magic, kind;
    int64_t offset, size; // of a write: where it begins; of TRUNCATE: the new length
    uint32_t path, other; // lengths
    uint32_t bytes, process;
};

static const char *root;
static size_t root_length;
static int log_file = -1;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

// The function that the program would have called without us.
#define REAL(name) ({ static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name); real; })

__attribute__((constructor)) static void configure(void)
{
    const char *path = getenv("WRITELOG_FILE");
    if (!path)
        return;
    log_file = REAL(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    root = getenv("WRITELOG_ROOT");
    root_length = root ? strlen(root) : 0;
}

static bool is_ours(const char *path)
{
    size_t length = strlen(path);
    return root && log_file >= 0 && strncmp(path, root, root_length) == 0 && (path[root_length] == '/' || path[root_length] == '\0')
        && !(length > 4 && strcmp(path + length - 4, "-shm") == 0);
}

// Descriptors are asked, not remembered. A file that is deleted, which no name leads to, is nobody's.
static bool path_of(int fd, char *path)
{
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = root ? readlink(link, path, PATH_MAX - 1) : -1;
    path[length > 0 ? length : 0] = '\0';
    return is_ours(path) && !(length > 10 && strcmp(path + length - 10, " (deleted)") == 0);
}

static bool path_at(int folder, const char *path, char *full)
{
    if (!root)
        return false;
    if (path[0] == '/') {
        snprintf(full, PATH_MAX, "%s", path);
        return is_ours(full);
    }

    char base[PATH_MAX], link[32];
    snprintf(link, sizeof link, folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", folder);
    ssize_t length = readlink(link, base, sizeof base - 1);
    base[length > 0 ? length : 0] = '\0';
    snprintf(full, PATH_MAX, "%.*s/%s", PATH_MAX / 2, base, path);
    return is_ours(full);
}

static void begin(void)
{
    pthread_mutex_lock(&mutex);
    while (flock(log_file, LOCK_EX) < 0 && errno == EINTR) {
    }
}

static void note(enum kind kind, const char *path, const char *other, int64_t offset, int64_t size, const struct iovec *parts, int n, size_t bytes)
{
    struct record record = { 0x474f4c57, kind, offset, size, strlen(path), other ? strlen(other) : 0, bytes, getpid() };
    char *whole = malloc(sizeof record + record.path + record.other + bytes), *at = whole;
    at = (char *)memcpy(at, &record, sizeof record) + sizeof record;
    at = (char *)memcpy(at, path, record.path) + record.path;
    at = (char *)memcpy(at, other ? other : "", record.other) + record.other;
    for (int i = 0; i < n && bytes > 0; i++) {
        size_t part = parts[i].iov_len < bytes ? parts[i].iov_len : bytes;
        at = (char *)memcpy(at, parts[i].iov_base, part) + part;
        bytes -= part;
    }
    for (char *from = whole; from < at;) {
        ssize_t written = REAL(write)(log_file, from, at - from);
        if (written < 0)
            abort();
        from += written;
    }
    free(whole);
}

static void end(void)
{
    flock(log_file, LOCK_UN);
    pthread_mutex_unlock(&mutex);
}

// A call that changes a file which a descriptor leads to: makes it, and notes it when it has succeeded.
#define ON_FILE(fd, call, failed, noted) \
    ({ \
        char path[PATH_MAX]; \
        bool ours = path_of(fd, path); \
        if (ours) \
            begin(); \
        __typeof__(call) result = (call); \
        int error = errno; \
        if (ours && result != (failed)) \
            noted; \
        if (ours) \
            end(); \
        errno = error; \
        result; \
    })

static void note_write(int fd, const char *path, const struct iovec *parts, int n, off_t offset, ssize_t written)
{
    // Without a place of its own, a write moves the file's.
    off_t at = offset >= 0 ? offset : lseek(fd, 0, SEEK_CUR) - written;
    note(WRITE, path, NULL, at, written, parts, n, written);
}

ssize_t write(int fd, const void *data, size_t size)
{
    struct iovec part = { (void *)data, size };
    return ON_FILE(fd, REAL(write)(fd, data, size), -1, note_write(fd, path, &part, 1, -1, result));
}

// In 64-bit programs off_t and off64_t are the same, but each name is a symbol of its own.
#define PWRITE(name) \
    ssize_t name(int fd, const void *data, size_t size, off_t offset) \
    { \
        struct iovec part = { (void *)data, size }; \
        return ON_FILE(fd, REAL(name)(fd, data, size, offset), -1, note_write(fd, path, &part, 1, offset, result)); \
    }

PWRITE(pwrite)
PWRITE(pwrite64)

ssize_t writev(int fd, const struct iovec *parts, int n) { return ON_FILE(fd, REAL(writev)(fd, parts, n), -1, note_write(fd, path, parts, n, -1, result)); }
ssize_t pwritev(int fd, const struct iovec *parts, int n, off_t offset) { return ON_FILE(fd, REAL(pwritev)(fd, parts, n, offset), -1, note_write(fd, path, parts, n, offset, result)); }
ssize_t pwritev64(int fd, const struct iovec *parts, int n, off_t offset) { return ON_FILE(fd, REAL(pwritev64)(fd, parts, n, offset), -1, note_write(fd, path, parts, n, offset, result)); }

int ftruncate(int fd, off_t size) { return ON_FILE(fd, REAL(ftruncate)(fd, size), -1, note(TRUNCATE, path, NULL, 0, size, NULL, 0, 0)); }
int ftruncate64(int fd, off_t size) { return ON_FILE(fd, REAL(ftruncate64)(fd, size), -1, note(TRUNCATE, path, NULL, 0, size, NULL, 0, 0)); }

int fsync(int fd) { return ON_FILE(fd, REAL(fsync)(fd), -1, note(SYNC, path, NULL, 0, 0, NULL, 0, 0)); }
int fdatasync(int fd) { return ON_FILE(fd, REAL(fdatasync)(fd), -1, note(SYNC, path, NULL, 0, 0, NULL, 0, 0)); }

// A call that changes names.
#define ON_NAMES(is_one, kind, call) \
    ({ \
        char a[PATH_MAX] = "", b[PATH_MAX] = ""; \
        bool ours = is_one; \
        if (ours) \
            begin(); \
        int result = (call), error = errno; \
        if (ours && result == 0) \
            note(kind, a, b[0] ? b : NULL, 0, 0, NULL, 0, 0); \
        if (ours) \
            end(); \
        errno = error; \
        result; \
    })

#define PAIR(x, from, y, to) (path_at(x, from, a) | path_at(y, to, b))

int rename(const char *from, const char *to) { return ON_NAMES(PAIR(AT_FDCWD, from, AT_FDCWD, to), RENAME, REAL(rename)(from, to)); }
int renameat(int x, const char *from, int y, const char *to) { return ON_NAMES(PAIR(x, from, y, to), RENAME, REAL(renameat)(x, from, y, to)); }
int renameat2(int x, const char *from, int y, const char *to, unsigned flags) { return ON_NAMES(PAIR(x, from, y, to), flags & RENAME_EXCHANGE ? ODD : RENAME, REAL(renameat2)(x, from, y, to, flags)); }

int link(const char *from, const char *to) { return ON_NAMES(PAIR(AT_FDCWD, from, AT_FDCWD, to), LINK, REAL(link)(from, to)); }
int linkat(int x, const char *from, int y, const char *to, int flags) { return ON_NAMES(PAIR(x, from, y, to), LINK, REAL(linkat)(x, from, y, to, flags)); }
int symlink(const char *target, const char *path) { return ON_NAMES(path_at(AT_FDCWD, path, a), ODD, REAL(symlink)(target, path)); }

int unlink(const char *path) { return ON_NAMES(path_at(AT_FDCWD, path, a), UNLINK, REAL(unlink)(path)); }
int unlinkat(int x, const char *path, int flags) { return ON_NAMES(path_at(x, path, a), flags & AT_REMOVEDIR ? RMDIR : UNLINK, REAL(unlinkat)(x, path, flags)); }
int rmdir(const char *path) { return ON_NAMES(path_at(AT_FDCWD, path, a), RMDIR, REAL(rmdir)(path)); }

int mkdir(const char *path, mode_t mode) { return ON_NAMES(path_at(AT_FDCWD, path, a), MKDIR, REAL(mkdir)(path, mode)); }
int mkdirat(int x, const char *path, mode_t mode) { return ON_NAMES(path_at(x, path, a), MKDIR, REAL(mkdirat)(x, path, mode)); }

// What changes files in ways that are not followed; the program does none of it.
#define UNFOLLOWED(fd, call) ON_FILE(fd, call, -1, note(ODD, path, __func__, 0, 0, NULL, 0, 0))

int fallocate(int fd, int mode, off_t offset, off_t size) { return UNFOLLOWED(fd, REAL(fallocate)(fd, mode, offset, size)); }
int posix_fallocate(int fd, off_t offset, off_t size) { return UNFOLLOWED(fd, REAL(posix_fallocate)(fd, offset, size)); }
int posix_fallocate64(int fd, off_t offset, off_t size) { return UNFOLLOWED(fd, REAL(posix_fallocate64)(fd, offset, size)); }
ssize_t copy_file_range(int in, off_t *from, int fd, off_t *to, size_t size, unsigned flags) { return UNFOLLOWED(fd, REAL(copy_file_range)(in, from, fd, to, size, flags)); }
ssize_t sendfile(int fd, int in, off_t *from, size_t size) { return UNFOLLOWED(fd, REAL(sendfile)(fd, in, from, size)); }
ssize_t sendfile64(int fd, int in, off_t *from, size_t size) { return UNFOLLOWED(fd, REAL(sendfile64)(fd, in, from, size)); }

static void look_at_mapping(int fd, int protection, int flags)
{
    char path[PATH_MAX];
    if (fd < 0 || !(protection & PROT_WRITE) || !(flags & MAP_SHARED) || !path_of(fd, path))
        return;
    begin();
    note(ODD, path, "mmap", 0, 0, NULL, 0, 0);
    end();
}

#define MMAP(name) \
    void *name(void *where, size_t size, int protection, int flags, int fd, off_t offset) \
    { \
        look_at_mapping(fd, protection, flags); \
        return REAL(name)(where, size, protection, flags, fd, offset); \
    }

MMAP(mmap)
MMAP(mmap64)

static mode_t mode_of(int flags, va_list more)
{
    return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(more, mode_t) : 0;
}

#define OPEN(folder, name, flags, call) \
    ({ \
        char path[PATH_MAX]; \
        bool ours = flags & (O_CREAT | O_TRUNC) && path_at(folder, name, path); \
        struct stat before; \
        if (ours) \
            begin(); \
        bool was = ours && stat(path, &before) == 0; \
        int result = (call), error = errno; \
        if (ours && result >= 0 && (flags & O_TMPFILE) == O_TMPFILE) \
            note(ODD, path, "O_TMPFILE", 0, 0, NULL, 0, 0); \
        else if (ours && result >= 0 && !was) \
            note(CREATE, path, NULL, 0, 0, NULL, 0, 0); \
        else if (ours && result >= 0 && flags & O_TRUNC && before.st_size > 0) \
            note(TRUNCATE, path, NULL, 0, 0, NULL, 0, 0); \
        if (ours) \
            end(); \
        errno = error; \
        result; \
    })

#define OPENS(name) \
    int name(const char *path_, int flags, ...) \
    { \
        va_list more; \
        va_start(more, flags); \
        mode_t mode = mode_of(flags, more); \
        va_end(more); \
        return OPEN(AT_FDCWD, path_, flags, REAL(name)(path_, flags, mode)); \
    }

#define OPENS_AT(name) \
    int name(int folder, const char *path_, int flags, ...) \
    { \
        va_list more; \
        va_start(more, flags); \
        mode_t mode = mode_of(flags, more); \
        va_end(more); \
        return OPEN(folder, path_, flags, REAL(name)(folder, path_, flags, mode)); \
    }

OPENS(open)
OPENS(open64)
OPENS_AT(openat)
OPENS_AT(openat64)

// `POST .../batches HTTP/1.1` makes a batch; `.../batches/ID/cancel` does not.
static void look_at(const void *data, size_t size)
{
    if (log_file < 0 || size < 5 || memcmp(data, "POST ", 5) != 0)
        return;
    const char *line_end = memchr(data, '\r', size);
    if (line_end && memmem(data, line_end - (const char *)data, "/batches HTTP/", 14)) {
        begin();
        note(SENT, root, NULL, 0, 0, NULL, 0, 0);
        end();
    }
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
    look_at(data, size);
    return REAL(send)(fd, data, size, flags);
}

ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t length)
{
    look_at(data, size);
    return REAL(sendto)(fd, data, size, flags, to, length);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (message->msg_iovlen > 0)
        look_at(message->msg_iov[0].iov_base, message->msg_iov[0].iov_len);
    return REAL(sendmsg)(fd, message, flags);
}
