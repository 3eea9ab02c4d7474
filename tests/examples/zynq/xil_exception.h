/* Stand-in of the vendor's xil_exception.h, as far as the example needs it. */
#pragma once
#define XIL_EXCEPTION_ID_INT 5u
typedef void (*Xil_ExceptionHandler)(void *data);
void Xil_ExceptionInit(void);
void Xil_ExceptionRegisterHandler(uint32_t id, Xil_ExceptionHandler handler, void *data);
void Xil_ExceptionEnable(void);
