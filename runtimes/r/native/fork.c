/* What base R cannot do for a process that forks instances: fork, hear how each fork ended, and handle descriptors by
 * their numbers. Called by harness/R/forking.R through .C(), so every argument is a vector. Nothing here allocates R's
 * memory or raises an R error: what fails says so in `error`, the errno, 0 where nothing did. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_FDS 1024

/* R's folder of temporary files, exported for programs that embed R. */
extern char *R_TempDir;

static sigset_t authors_mask;
static struct sigaction authors_child_handler;

/* What the author does with signals holds in the forks; in the process that forks them it runs nothing and hides no
 * end. */
void idiom_put_signals_aside(void) {
  sigset_t all;
  struct sigaction by_default;
  memset(&by_default, 0, sizeof by_default);
  by_default.sa_handler = SIG_DFL;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, &authors_mask);
  /* Where it is ignored the kernel tells no parent how a child ended. */
  sigaction(SIGCHLD, &by_default, &authors_child_handler);
}

void idiom_restore_signals(void) {
  sigaction(SIGCHLD, &authors_child_handler, NULL);
  sigprocmask(SIG_SETMASK, &authors_mask, NULL);
}

/* What this process starts does not hold it. */
void idiom_own(const int *fd) { fcntl(*fd, F_SETFD, FD_CLOEXEC); }

void idiom_close(const int *fds, const int *count) {
  for (int i = 0; i < *count; i++) close(fds[i]);
}

/* Pairs of ends: the one to read, the one to write. All of them or none. */
void idiom_pipes(int *ends, const int *count, int *error) {
  *error = 0;
  for (int i = 0; i < *count; i++) {
    if (pipe2(ends + 2 * i, O_CLOEXEC) == 0) continue;
    *error = errno;
    while (i-- > 0) {
      close(ends[2 * i]);
      close(ends[2 * i + 1]);
    }
    return;
  }
}

/* A descriptor that can be read once the process has ended, which stays to be asked how; -1 where there is none. */
void idiom_watch(const int *pid, int *fd, int *error) {
  *fd = (int)syscall(SYS_pidfd_open, *pid, 0);
  *error = *fd < 0 ? errno : 0;
}

/* Its output goes there. */
void idiom_print_to(const int *out, const int *err) {
  dup2(*out, STDOUT_FILENO);
  dup2(*err, STDERR_FILENO);
}

/* Nothing is printed any more: nobody would know whose it is. */
void idiom_print_nowhere(void) {
  int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  idiom_print_to(&null, &null);
  close(null);
}

/* `pid` is 0 in the fork, which leads a session of its own. */
void idiom_fork(int *pid, int *error) {
  fflush(NULL);
  *pid = fork();
  *error = *pid < 0 ? errno : 0;
  if (*pid == 0) setsid();
}

/* How a process ended that has: its status, or the signal; -1 is the other. Waits for it. */
void idiom_reap(const int *pid, int *code, int *signal) {
  int status = 0;
  while (waitpid(*pid, &status, 0) < 0 && errno == EINTR) continue;
  *code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  *signal = WIFSIGNALED(status) ? WTERMSIG(status) : -1;
}

/* Waits until something can be read from one of these, or it has ended: `ready` is 1 for those. */
void idiom_await(const int *fds, const int *count, int *ready) {
  struct pollfd polled[MOST_FDS];
  int n = *count < MOST_FDS ? *count : MOST_FDS;
  for (int i = 0; i < n; i++) polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
  while (poll(polled, (nfds_t)n, -1) < 0 && errno == EINTR) continue;
  for (int i = 0; i < n; i++) ready[i] = polled[i].revents != 0;
}

/* Exactly so many bytes from the control channel; `length` is less where it ends. */
void idiom_receive(const int *fd, unsigned char *bytes, int *length) {
  int received = 0;
  while (received < *length) {
    ssize_t n = read(*fd, bytes + received, (size_t)(*length - received));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    received += (int)n;
  }
  *length = received;
}

/* `length` is less where nobody reads any more. */
void idiom_send(const int *fd, const unsigned char *bytes, int *length) {
  int sent = 0;
  while (sent < *length) {
    ssize_t n = send(*fd, bytes + sent, (size_t)(*length - sent), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    sent += (int)n;
  }
  *length = sent;
}

/* What tempdir() says. */
void idiom_name_tempdir(char **folder) { R_TempDir = strdup(*folder); }

/* New entropy, also for code in C that draws from the library's own generator. Not negative: R's NA is no seed. */
void idiom_entropy(int *seed) {
  if (getrandom(seed, sizeof *seed, 0) != (ssize_t)sizeof *seed) *seed = (int)getpid();
  *seed &= INT_MAX;
  srand((unsigned)*seed);
}

/* Into as much room as there is. */
void idiom_message(const int *error, char **text) { snprintf(*text, strlen(*text) + 1, "%s", strerror(*error)); }

/* At once: no exit handler of the author's runs. */
void idiom_leave(const int *status) { _exit(*status); }
