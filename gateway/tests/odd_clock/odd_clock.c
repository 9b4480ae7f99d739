/* Tells a program whatever time the file ODD_CLOCK holds, in seconds since 1970; goes on as the real clock does. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = syscall(SYS_clock_gettime, clock, time);
    const char *path = getenv("ODD_CLOCK");
    if (result != 0 || clock != CLOCK_REALTIME || !path) {
        return result;
    }
    char text[32] = {0};
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        if (read(file, text, sizeof text - 1) > 0) {
            time->tv_sec = atoll(text);
        }
        close(file);
    }
    return result;
}
