/*
 * Runs a fuzz target on files, or on random bytes, where the compiler has no
 * fuzzer: `fuzz_x FILE...`, or without files a few thousand inputs of its own.
 */
#ifndef CARPOOL_TEST_FUZZ_FUZZ_MAIN_H
#define CARPOOL_TEST_FUZZ_FUZZ_MAIN_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_INPUT_MAX 65536u
#define FUZZ_RANDOM_INPUTS 5000u

static uint8_t fuzz_input[FUZZ_INPUT_MAX];

/* Weak: the fuzzer's own main takes its place where there is one. */
__attribute__((weak)) int
main(int argc, char **argv)
{
	unsigned seed = 1;

	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");
		size_t n;

		if (f == NULL) {
			perror(argv[i]);
			return 1;
		}
		n = fread(fuzz_input, 1, sizeof(fuzz_input), f);
		fclose(f);
		(void)LLVMFuzzerTestOneInput(fuzz_input, n);
	}
	for (unsigned i = 0; argc < 2 && i < FUZZ_RANDOM_INPUTS; i++) {
		size_t n = (size_t)rand_r(&seed) % 300;

		for (size_t k = 0; k < n; k++)
			fuzz_input[k] = (uint8_t)rand_r(&seed);
		(void)LLVMFuzzerTestOneInput(fuzz_input, n);
	}
	return 0;
}

#endif
