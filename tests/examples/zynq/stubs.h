/* What every file of the program is compiled with: the driver's bus, types of the vendor. */
#pragma once
#include <stdint.h>
typedef uintptr_t UINTPTR;
int stub_read(void *base, uint32_t offset, uint32_t *value);
int stub_write(void *base, uint32_t offset, uint32_t value);
#define ARRAY_SHELL_BUS_READ stub_read
#define ARRAY_SHELL_BUS_WRITE stub_write
