// PCRE2: regular expressions, for patterns that a command line or a file of rules gives.
#ifndef REFX_CPCRE2_H
#define REFX_CPCRE2_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#endif
