/* CPU and socket usage of processes, from procfs. */

#define _GNU_SOURCE
#include "load.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static double ticks(unsigned long long n)
{
    return (double)n / (double)sysconf(_SC_CLK_TCK);
}

/* Processor seconds of a process: fields 14 and 15 of its stat file. */
struct usage usage_of(int pid)
{
    struct usage used = {0, 0};
    unsigned long long user = 0, kernel = 0;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = pid ? fopen(path, "r") : NULL;
    if (f == NULL)
        return used;
    if (fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
               &kernel) == 2)
        used = (struct usage){ticks(user), ticks(user + kernel)};
    fclose(f);
    return used;
}

/* Processor seconds in user mode of everything on the machine. */
double usage_of_machine(void)
{
    unsigned long long user = 0, nice = 0;
    FILE *f = fopen("/proc/stat", "r");
    if (f == NULL)
        return 0;
    if (fscanf(f, "cpu %llu %llu", &user, &nice) != 2)
        user = nice = 0;
    fclose(f);
    return ticks(user + nice);
}

/* How many sockets a process has open. */
long sockets_of(int pid)
{
    char path[320], kind[8];
    long found = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *files = pid ? opendir(path) : NULL;
    if (files == NULL)
        return 0;
    for (struct dirent *file; (file = readdir(files)) != NULL;) {
        snprintf(path, sizeof path, "/proc/%d/fd/%s", pid, file->d_name);
        if (readlink(path, kind, 7) == 7 && memcmp(kind, "socket:", 7) == 0)
            found++;
    }
    closedir(files);
    return found;
}
