/* Stand-in of the vendor's xaxidma.h, as far as the example needs it. */
#pragma once
typedef struct { UINTPTR base; } XAxiDma_Config;
typedef struct { UINTPTR base; } XAxiDma;
enum { XAXIDMA_DMA_TO_DEVICE, XAXIDMA_DEVICE_TO_DMA };
XAxiDma_Config *XAxiDma_LookupConfigBaseAddr(UINTPTR base);
int XAxiDma_CfgInitialize(XAxiDma *dma, XAxiDma_Config *config);
uint32_t XAxiDma_SimpleTransfer(XAxiDma *dma, UINTPTR at, uint32_t bytes, int direction);
uint32_t XAxiDma_Busy(XAxiDma *dma, int direction);
