/* The baseline of `cargo xtask bench fib`: F(n) as decimal text, by GMP.
 *
 * Usage: gmp N LOOPS. Prints the nanoseconds per call, and the FNV-1a hash of the text. */
#include <gmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static char *compute(unsigned long n) {
    mpz_t f;
    mpz_init(f);
    mpz_fib_ui(f, n);
    char *text = mpz_get_str(NULL, 10, f);
    mpz_clear(f);
    return text;
}

int main(int argc, char **argv) {
    if (argc == 2) {
        puts(gmp_version);
        return 0;
    }
    if (argc != 3) return 2;
    unsigned long n = strtoul(argv[1], NULL, 10), loops = strtoul(argv[2], NULL, 10);
    char *text = NULL;
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (unsigned long i = 0; i < loops; i++) {
        free(text);
        text = compute(n);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    double ns = (end.tv_sec - start.tv_sec) * 1e9 + (end.tv_nsec - start.tv_nsec);
    uint64_t hash = 0xcbf29ce484222325;
    for (const char *c = text; *c; c++) hash = (hash ^ (unsigned char)*c) * 0x100000001b3;
    printf("%f %016llx\n", ns / loops, (unsigned long long)hash);
    return 0;
}
