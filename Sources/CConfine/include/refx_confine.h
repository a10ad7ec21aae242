// What a process may still do, taken away for good.
#pragma once

// Closes every descriptor from `first` on.
void refx_close_from(int first);

// A new file that lies in memory alone, closed when another program is started; -1 where there is none to be had.
int refx_memory_file(void);

// From now on this process may read, write and seek what it has open, and ask for memory; every other system
// call fails with EPERM. Where `may_open` is not 0, files can still be opened to read.
//
// Returns 0, or -1 where the system or the processor has no such filter.
int refx_confine(int may_open);
