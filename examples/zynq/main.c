/* A matrix product on a Zynq-7000, bare metal: the delivered driver of an array_shell in its default
 * configuration, and the AXI DMAs of vivado/zynq_bd.tcl. Prints whether the product is equal to the
 * processor's. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "array_shell.h"
#include "xaxidma.h"
#include "xil_cache.h"
#include "xil_exception.h"
#include "xparameters.h"
#include "xscugic.h"

/* As in zynq_bd.tcl. */
#define UNIT_BASE 0x43C00000u
#define DMA_A_BASE 0x40400000u
#define DMA_B_BASE 0x40410000u
#define DMA_RESULT_BASE 0x40420000u
#define UNIT_INTERRUPT 61u

/* Of the configuration: HBFP8. An element is a sign above its magnitude; a block of 64 along the
 * reduction has an exponent, which counts its elements as integers when it is EXPONENT_OF_ONE. */
#define ELEMENT_BITS 8u
#define EXPONENT_BITS 10u
#define BLOCK 64u
#define EXPONENT_OF_ONE 517u
#define ROWS ARRAY_SHELL_SIZE_ROWS_VALUE
#define COLUMNS ARRAY_SHELL_SIZE_COLUMNS_VALUE
#define LANES ARRAY_SHELL_SIZE_LANES_VALUE

/* Of the product, an M x K matrix by a K x N one; here whole tiles and blocks. */
#define M 16u
#define N 16u
#define K 128u

/* Bytes of a word of so many lines, of lanes and exponents, in whole beats. */
#define WORD(lines, beat) (((lines) * (LANES * ELEMENT_BITS + EXPONENT_BITS) + 8u * (beat) - 1u) \
    / (8u * (beat)) * (beat))
#define WORD_A WORD(ROWS, ARRAY_SHELL_S_AXIS_A_BYTES)
#define WORD_B WORD(COLUMNS, ARRAY_SHELL_S_AXIS_B_BYTES)
#define ROW_BEATS ((4u * COLUMNS + ARRAY_SHELL_M_AXIS_BYTES - 1u) / ARRAY_SHELL_M_AXIS_BYTES)
#define ROW_BYTES (ROW_BEATS * ARRAY_SHELL_M_AXIS_BYTES)

/* Lines of the cache are 32 bytes. */
static uint8_t a_beats[M / ROWS * (K / LANES) * WORD_A] __attribute__((aligned(64)));
static uint8_t b_beats[N / COLUMNS * (K / LANES) * WORD_B] __attribute__((aligned(64)));
static uint8_t result[M * (N / COLUMNS) * ROW_BYTES] __attribute__((aligned(64)));

static struct array_shell_device unit;
static volatile uint32_t events;

static int a_at(unsigned row, unsigned place)
{
  return (int)(5u * (row * K + place) % 15u) - 7;
}

static int b_at(unsigned column, unsigned place)
{
  return (int)(3u * (place * N + column) % 13u) - 6;
}

static void put(uint8_t *word, size_t *offset, unsigned bits, unsigned value)
{
  for (; bits; --bits, value >>= 1, ++*offset)
    word[*offset / 8u] = (uint8_t)(word[*offset / 8u] | (value & 1u) << *offset % 8u);
}

/* Writes an operand: panel after panel, of each word after word of its lines, the exponents last. */
static void pack(uint8_t *word, size_t bytes, unsigned lines, unsigned side,
    int (*at)(unsigned line, unsigned place))
{
  unsigned panel, first, line, place;
  for (panel = 0; panel < lines; panel += side)
    for (first = 0; first < K; first += LANES, word += bytes) {
      size_t offset = 0;
      memset(word, 0, bytes);
      for (line = panel; line < panel + side; ++line)
        for (place = first; place < first + LANES; ++place) {
          int const value = at(line, place);
          unsigned const sign = value < 0 ? 1u << (ELEMENT_BITS - 1u) : 0u;
          put(word, &offset, ELEMENT_BITS, sign | (unsigned)(value < 0 ? -value : value));
        }
      for (line = panel; line < panel + side; ++line)
        put(word, &offset, EXPONENT_BITS, EXPONENT_OF_ONE);
    }
}

static void interrupted(void *data)
{
  uint32_t these = 0;
  (void)data;
  if (array_shell_irq_handle(&unit, &these) == ARRAY_SHELL_OK) events |= these;
}

static int interrupts(void)
{
  static XScuGic controller;
  XScuGic_Config *const config = XScuGic_LookupConfig(XPAR_SCUGIC_SINGLE_DEVICE_ID);
  if (!config || XScuGic_CfgInitialize(&controller, config, config->CpuBaseAddress)) return 1;
  /* A level, active high. */
  XScuGic_SetPriorityTriggerType(&controller, UNIT_INTERRUPT, 0xA0u, 1u);
  if (XScuGic_Connect(&controller, UNIT_INTERRUPT, interrupted, NULL)) return 1;
  XScuGic_Enable(&controller, UNIT_INTERRUPT);
  Xil_ExceptionInit();
  Xil_ExceptionRegisterHandler(XIL_EXCEPTION_ID_INT,
      (Xil_ExceptionHandler)XScuGic_InterruptHandler, &controller);
  Xil_ExceptionEnable();
  return 0;
}

static int open_dma(XAxiDma *dma, UINTPTR base)
{
  XAxiDma_Config *const config = XAxiDma_LookupConfigBaseAddr(base);
  return !config || XAxiDma_CfgInitialize(dma, config);
}

/* Returns whether all of the product is what the processor makes of the same matrices. */
static int equal(void)
{
  unsigned row, column, place;
  for (row = 0; row < M; ++row)
    for (column = 0; column < N; ++column) {
      unsigned const tile = row / ROWS * (N / COLUMNS) + column / COLUMNS;
      size_t const at = (tile * ROWS + row % ROWS) * ROW_BYTES + column % COLUMNS * 4u;
      int sum = 0;
      float value;
      for (place = 0; place < K; ++place) sum += a_at(row, place) * b_at(column, place);
      memcpy(&value, result + at, 4);
      if (value != (float)sum) return 0;
    }
  return 1;
}

static enum array_shell_code set_up(void)
{
  enum array_shell_code code = array_shell_init(&unit, (void *)(UINTPTR)UNIT_BASE);
  if (!code) code = array_shell_set_tile_rows(&unit, M / ROWS);
  if (!code) code = array_shell_set_tile_columns(&unit, N / COLUMNS);
  if (!code) code = array_shell_set_blocks(&unit, K / BLOCK);
  if (!code) code = array_shell_irq_enable(&unit, ARRAY_SHELL_STATUS_DONE_MASK);
  return code ? code : array_shell_start(&unit);
}

int main(void)
{
  static XAxiDma a, b, given;
  enum array_shell_code code;
  if (open_dma(&a, DMA_A_BASE) || open_dma(&b, DMA_B_BASE) || open_dma(&given, DMA_RESULT_BASE)
      || interrupts()) {
    puts("no DMA, or no interrupts");
    return 1;
  }
  code = set_up();
  if (code) {
    puts(array_shell_text(code));
    return 1;
  }
  pack(a_beats, WORD_A, M, ROWS, a_at);
  pack(b_beats, WORD_B, N, COLUMNS, b_at);
  Xil_DCacheFlushRange((UINTPTR)a_beats, sizeof a_beats);
  Xil_DCacheFlushRange((UINTPTR)b_beats, sizeof b_beats);
  Xil_DCacheFlushRange((UINTPTR)result, sizeof result);
  if (XAxiDma_SimpleTransfer(&given, (UINTPTR)result, sizeof result, XAXIDMA_DEVICE_TO_DMA)
      || XAxiDma_SimpleTransfer(&b, (UINTPTR)b_beats, sizeof b_beats, XAXIDMA_DMA_TO_DEVICE)
      || XAxiDma_SimpleTransfer(&a, (UINTPTR)a_beats, sizeof a_beats, XAXIDMA_DMA_TO_DEVICE)) {
    puts("a DMA refused a transfer");
    return 1;
  }
  while (!(events & ARRAY_SHELL_STATUS_DONE_MASK)) {}
  while (XAxiDma_Busy(&given, XAXIDMA_DEVICE_TO_DMA)) {}
  Xil_DCacheInvalidateRange((UINTPTR)result, sizeof result);
  puts(equal() ? "equal" : "different");
  return !equal();
}
