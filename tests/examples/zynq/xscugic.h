/* Stand-in of the vendor's xscugic.h, as far as the example needs it. */
#pragma once
typedef struct { UINTPTR CpuBaseAddress; } XScuGic_Config;
typedef struct { int any; } XScuGic;
XScuGic_Config *XScuGic_LookupConfig(uint16_t id);
int XScuGic_CfgInitialize(XScuGic *gic, XScuGic_Config *config, UINTPTR base);
void XScuGic_SetPriorityTriggerType(XScuGic *gic, uint32_t id, uint8_t priority, uint8_t trigger);
int XScuGic_Connect(XScuGic *gic, uint32_t id, void (*handler)(void *), void *data);
void XScuGic_Enable(XScuGic *gic, uint32_t id);
void XScuGic_InterruptHandler(XScuGic *gic);
