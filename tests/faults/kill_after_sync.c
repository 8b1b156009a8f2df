// Loaded before a server (LD_PRELOAD), it kills the process right after the n-th sync of a journal's log has returned, n from
// STEPCAST_KILL_AFTER_SYNC: what was written is durable, and nobody has been told.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_long syncs;

static int is_log(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t size = readlink(link, path, sizeof path);
    return size >= 4 && memcmp(path + size - 4, "-wal", 4) == 0;
}

static int sync_by(const char* name, int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    const int result = real(fd);
    const char* wanted = getenv("STEPCAST_KILL_AFTER_SYNC");
    if (result == 0 && wanted != NULL && is_log(fd) && atomic_fetch_add(&syncs, 1) + 1 == atol(wanted)) kill(getpid(), SIGKILL);
    return result;
}

int fdatasync(int fd) {
    return sync_by("fdatasync", fd);
}

int fsync(int fd) {
    return sync_by("fsync", fd);
}
