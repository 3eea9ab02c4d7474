/* Stand-in of the vendor's xil_cache.h, as far as the example needs it. */
#pragma once
void Xil_DCacheFlushRange(UINTPTR at, uint32_t bytes);
void Xil_DCacheInvalidateRange(UINTPTR at, uint32_t bytes);
