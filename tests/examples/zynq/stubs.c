/* Keeps what is written and sent in files, and gives a file as the product; the job is done with
 * the last transfer. */
#include <stdio.h>
#include <stdlib.h>
#include "array_shell.h"
#include "xaxidma.h"
#include "xil_cache.h"
#include "xil_exception.h"
#include "xscugic.h"
static uint32_t status, enabled;
static void (*connected)(void *);
static int started, sent, open_;
static FILE *file(uintptr_t base, const char *mode)
{
  char name[32];
  sprintf(name, "%08lx", (unsigned long)base);
  return fopen(name, mode);
}
int stub_read(void *base, uint32_t offset, uint32_t *value)
{
  if ((uintptr_t)base != 0x43C00000u) return 1;
  *value = offset == ARRAY_SHELL_REG_IDENTITY ? ARRAY_SHELL_IDENTITY_VALUE
    : offset == ARRAY_SHELL_REG_UNIT ? ARRAY_SHELL_UNIT_VALUE
    : offset == ARRAY_SHELL_REG_DIGEST ? ARRAY_SHELL_DIGEST_VALUE
    : offset == ARRAY_SHELL_REG_INTERRUPT_ENABLE ? enabled : status;
  return 0;
}
int stub_write(void *base, uint32_t offset, uint32_t value)
{
  FILE *log = file((uintptr_t)base, "a");
  fprintf(log, "%x %x\n", (unsigned)offset, (unsigned)value);
  fclose(log);
  if (offset == ARRAY_SHELL_REG_INTERRUPT_ENABLE) enabled = value;
  if (offset == ARRAY_SHELL_REG_STATUS) status &= ~value;
  if (offset == ARRAY_SHELL_REG_CONTROL) started = 1;
  return 0;
}
XAxiDma_Config *XAxiDma_LookupConfigBaseAddr(UINTPTR base)
{
  static XAxiDma_Config config;
  config.base = base;
  return &config;
}
int XAxiDma_CfgInitialize(XAxiDma *dma, XAxiDma_Config *config)
{
  dma->base = config->base;
  return 0;
}
uint32_t XAxiDma_SimpleTransfer(XAxiDma *dma, UINTPTR at, uint32_t bytes, int direction)
{
  FILE *data = file(dma->base, direction == XAXIDMA_DMA_TO_DEVICE ? "wb" : "rb");
  if (!started || at % 64u) return 1;
  if (direction == XAXIDMA_DMA_TO_DEVICE) fwrite((void *)at, 1, bytes, data);
  else if (data && fread((void *)at, 1, bytes, data) != bytes) return 1;
  if (data) fclose(data);
  sent += 1;
  if (sent == 3) {
    status = ARRAY_SHELL_STATUS_DONE_MASK;
    if (!connected || !open_ || !(status & enabled)) exit(3);
    connected(0);
  }
  return 0;
}
uint32_t XAxiDma_Busy(XAxiDma *dma, int direction) { (void)dma; (void)direction; return 0; }
void Xil_DCacheFlushRange(UINTPTR at, uint32_t bytes) { (void)at; (void)bytes; }
void Xil_DCacheInvalidateRange(UINTPTR at, uint32_t bytes) { (void)at; (void)bytes; }
void Xil_ExceptionInit(void) {}
void Xil_ExceptionRegisterHandler(uint32_t id, Xil_ExceptionHandler handler, void *data)
{
  (void)id; (void)handler; (void)data;
}
void Xil_ExceptionEnable(void) { open_ = 1; }
XScuGic_Config *XScuGic_LookupConfig(uint16_t id)
{
  static XScuGic_Config config;
  (void)id;
  return &config;
}
int XScuGic_CfgInitialize(XScuGic *gic, XScuGic_Config *config, UINTPTR base)
{
  (void)gic; (void)config; (void)base;
  return 0;
}
void XScuGic_SetPriorityTriggerType(XScuGic *gic, uint32_t id, uint8_t priority, uint8_t trigger)
{
  (void)gic; (void)id; (void)priority; (void)trigger;
}
int XScuGic_Connect(XScuGic *gic, uint32_t id, void (*handler)(void *), void *data)
{
  (void)gic; (void)data;
  if (id == 61u) connected = handler;
  return 0;
}
void XScuGic_Enable(XScuGic *gic, uint32_t id) { (void)gic; (void)id; }
void XScuGic_InterruptHandler(XScuGic *gic) { (void)gic; }
