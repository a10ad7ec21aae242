#define _GNU_SOURCE
#include "refx_confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

void refx_close_from(int first) { closefrom(first); }

int refx_memory_file(void) { return memfd_create("refx", MFD_CLOEXEC); }

#if defined(__x86_64__)
#define REFX_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define REFX_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifdef REFX_ARCHITECTURE

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define LOAD_ARGUMENT(n) LOAD(args[n])
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define REFUSE BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
// Allows the call whose number is loaded.
#define ALLOW_CALL(name) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 1), ALLOW
// Allows it where none of `bits` is set in its argument `n`.
#define ALLOW_WITHOUT(name, n, bits)                                                                        \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 4), LOAD_ARGUMENT(n),                                   \
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (bits), 1, 0), ALLOW, REFUSE

static int install(struct sock_filter *filter, size_t count) {
  struct sock_fprog program = {.len = (unsigned short)count, .filter = filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

int refx_confine(int may_open) {
  // Of several filters the strictest counts, so a second call takes away what the first still allowed.
  struct sock_filter filter[] = {
      LOAD(arch),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, REFX_ARCHITECTURE, 1, 0),
      REFUSE,
      LOAD(nr),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, may_open ? __NR_openat : 0xFFFFFFFF, 0, 4),
      LOAD_ARGUMENT(2),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC, 1, 0),
      ALLOW,
      REFUSE,
      // libhdf5 looks at what a name stands for before it opens it.
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, may_open ? __NR_readlinkat : 0xFFFFFFFF, 0, 1),
      ALLOW,
#ifdef __NR_readlink
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, may_open ? __NR_readlink : 0xFFFFFFFF, 0, 1),
      ALLOW,
#endif
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, may_open ? __NR_getcwd : 0xFFFFFFFF, 0, 1),
      ALLOW,
      // The filter of the second call has to be installed, too.
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, may_open ? __NR_prctl : 0xFFFFFFFF, 0, 1),
      ALLOW,
      ALLOW_WITHOUT(mmap, 2, PROT_EXEC),
      ALLOW_WITHOUT(mprotect, 2, PROT_EXEC),
      ALLOW_CALL(read),
      ALLOW_CALL(write),
      ALLOW_CALL(pread64),
      ALLOW_CALL(lseek),
      ALLOW_CALL(close),
      ALLOW_CALL(fstat),
      ALLOW_CALL(newfstatat),
      ALLOW_CALL(munmap),
      ALLOW_CALL(mremap),
      ALLOW_CALL(madvise),
      ALLOW_CALL(brk),
      ALLOW_CALL(futex),
      ALLOW_CALL(getrandom),
      ALLOW_CALL(clock_gettime),
      ALLOW_CALL(setitimer),
      ALLOW_CALL(rt_sigaction),
      ALLOW_CALL(rt_sigprocmask),
      ALLOW_CALL(rt_sigreturn),
      ALLOW_CALL(exit),
      ALLOW_CALL(exit_group),
      REFUSE,
  };
  return install(filter, sizeof(filter) / sizeof(filter[0]));
}

#else

int refx_confine(int may_open) {
  (void)may_open;
  return -1;
}

#endif
