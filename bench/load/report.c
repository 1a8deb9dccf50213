/* The result, as one JSON object on one line of standard output. */

#include "load.h"

#include <stdio.h>
#include <stdlib.h>

static const char *comma = "";

void sample(struct samples *s, uint64_t nanoseconds)
{
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 1024;
        s->micros = realloc(s->micros, s->cap * sizeof *s->micros);
        if (s->micros == NULL)
            abort();
    }
    s->micros[s->n++] = (float)nanoseconds / 1000;
}

static int ascending(const void *a, const void *b)
{
    float left = *(const float *)a, right = *(const float *)b;
    return (left > right) - (left < right);
}

static double percentile(const struct samples *s, double share)
{
    return s->micros[(size_t)(share * (double)(s->n - 1) + 0.5)] / 1000.0;
}

void put_begin(void)
{
    putchar('{');
}

void put_end(void)
{
    puts("}");
    fflush(stdout);
}

void put_number(const char *name, double value)
{
    printf("%s\"%s\": %.4f", comma, name, value);
    comma = ", ";
}

/* In milliseconds. Prints nothing without samples. */
void put_samples(const char *name, struct samples *s)
{
    if (s->n == 0)
        return;
    qsort(s->micros, s->n, sizeof *s->micros, ascending);
    printf("%s\"%s\": {\"n\": %zu, \"p50\": %.3f, \"p99\": %.3f, \"max\": %.3f}", comma, name, s->n,
           percentile(s, 0.5), percentile(s, 0.99), percentile(s, 1));
    comma = ", ";
}

void put_text(const char *name, const char *value)
{
    printf("%s\"%s\": \"", comma, name);
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            putchar('\\');
        putchar((unsigned char)*value < 32 ? ' ' : *value);
    }
    putchar('"');
    comma = ", ";
}
