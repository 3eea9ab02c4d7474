/* Stand-in of the vendor's xparameters.h, as far as the example needs it. */
#pragma once
#define XPAR_SCUGIC_SINGLE_DEVICE_ID 0u
