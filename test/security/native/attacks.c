// The attacks, as a model's native code makes them. Each returns 0 when it got through, else what the kernel said (errno).
#define _GNU_SOURCE
#include "attacks.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1024L * 1024L)

static int outcome(long result) { return result < 0 ? errno : 0; }

static int opens(const char *path, int flags) {
  int fd = open(path, flags, 0600);
  if (fd < 0) return errno;
  close(fd);
  return 0;
}

static int closes(long fd) {
  if (fd < 0) return errno;
  close((int)fd);
  return 0;
}

// Files.
static int reads(const char *path) { return opens(path, O_RDONLY); }
static int opens_to_write(const char *path) { return opens(path, O_WRONLY); }
static int creates(const char *path) {
  int error = opens(path, O_WRONLY | O_CREAT | O_EXCL);
  if (error == 0) unlink(path);
  return error;
}
static int changes_mode(const char *path) { return outcome(chmod(path, 0644)); }
static int makes_device(const char *path) {
  int error = outcome(mknod(path, S_IFCHR | 0600, makedev(1, 3)));
  if (error == 0) unlink(path);
  return error;
}
static int opens_by_handle(const char *path) {
  struct { struct file_handle handle; unsigned char room[128]; } space;
  int mount;
  space.handle.handle_bytes = sizeof space.room;
  if (name_to_handle_at(AT_FDCWD, path, &space.handle, &mount, 0) < 0) return errno;
  int folder = open("/", O_RDONLY);
  int error = closes(open_by_handle_at(folder, &space.handle, O_RDONLY));
  close(folder);
  return error;
}
static int listens(const char *folder) {
  int fd = inotify_init1(0);
  int error = outcome(inotify_add_watch(fd, folder, IN_ALL_EVENTS));
  close(fd);
  return error;
}
/* Whoever opens the file, the host too, waits for its holder. */
static int leases(const char *path) {
  int fd = open(path, O_RDONLY);
  if (fd < 0) return errno;
  int error = outcome(fcntl(fd, F_SETLEASE, F_WRLCK));
  close(fd);
  return error;
}
static int has_variable(const char *name) { return getenv(name) == NULL ? ENOENT : 0; }
/* A descriptor of the host that leads to this file. */
static int has_descriptor(const char *path) {
  char link[64], target[4096];
  for (int fd = 3; fd < 1024; fd++) {
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, target, sizeof target - 1);
    if (length < 0) continue;
    target[length] = 0;
    if (strcmp(target, path) == 0) return 0;
  }
  return EBADF;
}

// Other processes.
static int signals(const char *pid) { return outcome(kill(atoi(pid), 0)); }
static int traces(const char *pid) {
  int target = atoi(pid);
  if (ptrace(PTRACE_SEIZE, target, 0, 0) < 0) return errno;
  kill(target, SIGSTOP);
  waitpid(target, NULL, __WALL);
  ptrace(PTRACE_DETACH, target, 0, 0);
  kill(target, SIGCONT);
  return 0;
}
static int reads_memory(const char *pid) {
  char path[64], byte;
  unsigned long start;
  snprintf(path, sizeof path, "/proc/%s/maps", pid);
  FILE *maps = fopen(path, "r");
  if (maps == NULL) start = 0x10000;
  else {
    if (fscanf(maps, "%lx", &start) != 1) start = 0x10000;
    fclose(maps);
  }
  struct iovec local = {&byte, 1}, remote = {(void *)start, 1};
  return outcome(process_vm_readv(atoi(pid), &local, 1, &remote, 1, 0));
}
static int takes_descriptor(const char *pid) {
  long process = syscall(SYS_pidfd_open, atoi(pid), 0);
  long fd = syscall(SYS_pidfd_getfd, process < 0 ? 0 : process, 0, 0);
  int error = closes(fd);
  if (process >= 0) close((int)process);
  return error;
}
static int compares(const char *pid) { return outcome(syscall(SYS_kcmp, getpid(), atoi(pid), 2, 0, 0)); }
static int takes_other_cores(const char *unused) {
  cpu_set_t all;
  memset(&all, 0xff, sizeof all);
  return outcome(sched_setaffinity(0, sizeof all, &all));
}
static int limits_process(const char *pid) {
  struct rlimit none = {0, 0};
  return outcome(prlimit(atoi(pid), RLIMIT_CORE, &none, NULL));
}
static int slows_process(const char *pid) { return outcome(setpriority(PRIO_PROCESS, atoi(pid), 19)); }
/* The kernel says nothing of those that it does not reach. */
// And itself, whom that leaves out: else it would answer, or not, until its own end is told to the host.
static int ends_everybody(const char *unused) {
  kill(-1, SIGKILL);
  kill(getpid(), SIGKILL);
  return 0;
}
/* A child of whoever has started this process: nobody's to this one. */
static int clones_sibling(const char *unused) {
  long sibling = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
  if (sibling == 0) _exit(0);
  return outcome(sibling);
}
static int adopts_orphans(const char *unused) {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) return errno;
  prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
  return 0;
}
static int goes_first(const char *unused) {
  if (setpriority(PRIO_PROCESS, 0, -20) < 0) return errno;
  setpriority(PRIO_PROCESS, 0, 0);
  return 0;
}

// The network.
static int makes_socket(int family, int type, int protocol) { return closes(socket(family, type, protocol)); }
static int connects(int family, const void *address, socklen_t length) {
  int fd = socket(family, SOCK_STREAM, 0);
  if (fd < 0) return errno;
  int error = outcome(connect(fd, address, length));
  close(fd);
  return error;
}
static int connects_ipv4(const char *port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(port)), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  return connects(AF_INET, &address, sizeof address);
}
static int connects_ipv6(const char *port) {
  struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(atoi(port)), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  return connects(AF_INET6, &address, sizeof address);
}
static int sends_datagram(const char *port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(port)), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0) return errno;
  int error = outcome(sendto(fd, "x", 1, 0, (struct sockaddr *)&address, sizeof address));
  close(fd);
  return error;
}
static int connects_unix(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  return connects(AF_UNIX, &address, sizeof address);
}
static int connects_abstract(const char *name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path + 1, name, sizeof address.sun_path - 2);
  return connects(AF_UNIX, &address, offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
}
/* An end of a pair needs no socket() and sends to whom it names. */
static int sends_unix(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) < 0) return errno;
  int error = outcome(sendto(ends[0], "x", 1, MSG_DONTWAIT, (struct sockaddr *)&address, sizeof address));
  close(ends[0]);
  close(ends[1]);
  return error;
}
static int netlink(const char *unused) { return makes_socket(AF_NETLINK, SOCK_RAW, 0); }
static int raw(const char *unused) { return makes_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP); }
static int packet(const char *unused) { return makes_socket(AF_PACKET, SOCK_RAW, 0); }
static int alg(const char *unused) { return makes_socket(38, SOCK_SEQPACKET, 0); }

// Mounts and namespaces.
static int mounts(const char *folder) {
  if (mount("none", folder, "tmpfs", 0, NULL) < 0) return errno;
  umount2(folder, MNT_DETACH);
  return 0;
}
static int opens_file_system(const char *unused) { return closes(syscall(SYS_fsopen, "tmpfs", 0)); }
static int changes_root(const char *unused) { return outcome(chroot("/")); }
/* What changes a process for good is tried by a child, which has one thread only. */
static int in_child(int (*attack)(const char *), const char *target) {
  pid_t child = fork();
  if (child < 0) return errno;
  if (child == 0) _exit(attack(target));
  int status;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}
static int new_users(const char *unused) { return outcome(unshare(CLONE_NEWUSER)); }
static int new_mounts(const char *unused) { return outcome(unshare(CLONE_NEWNS)); }
static int new_network(const char *unused) { return outcome(unshare(CLONE_NEWNET)); }
static int unshares_users(const char *unused) { return in_child(new_users, unused); }
static int unshares_mounts(const char *unused) { return in_child(new_mounts, unused); }
static int unshares_network(const char *unused) { return in_child(new_network, unused); }
static int clones_users(const char *unused) {
  long child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
  if (child < 0) return errno;
  if (child == 0) _exit(0);
  waitpid((pid_t)child, NULL, 0);
  return 0;
}
static int enter(const char *path) {
  int fd = open(path, O_RDONLY);
  return outcome(setns(fd < 0 ? 0 : fd, 0));
}
static int enters(const char *path) { return in_child(enter, path); }

// The kernel.
static int adds_key(const char *unused) { return outcome(syscall(SYS_add_key, "user", "idiom-attack", "x", 1, KEY_SPEC_PROCESS_KEYRING)); }
static int reads_keyring(const char *unused) { return outcome(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 1)); }
static int uring(const char *unused) {
  char parameters[120] = {0};
  return closes(syscall(SYS_io_uring_setup, 1, parameters));
}
static int faults(const char *unused) { return closes(syscall(SYS_userfaultfd, 0)); }
static int bpf(const char *unused) {
  struct { unsigned type, key, value, entries; char rest[100]; } map = {2, 4, 4, 1, {0}};
  return closes(syscall(SYS_bpf, 0, &map, sizeof map));
}
static int watches_performance(const char *unused) {
  struct { unsigned type, size; unsigned long config; char rest[112]; } event = {1, 128, 0, {0}};
  return closes(syscall(SYS_perf_event_open, &event, 0, -1, -1, 0));
}
static int makes_memory_file(const char *unused) { return closes(memfd_create("idiom-attack", 0)); }
/* What is in a pipe or a socket belongs to no process. */
static int splices_memory(const char *unused) {
  int ends[2];
  char byte = 0;
  struct iovec memory = {&byte, 1};
  if (pipe(ends) < 0) return errno;
  int error = outcome(vmsplice(ends[1], &memory, 1, 0));
  close(ends[0]);
  close(ends[1]);
  return error;
}
static int grows_pipe(const char *unused) {
  int ends[2];
  if (pipe(ends) < 0) return errno;
  int error = outcome(fcntl(ends[1], F_SETPIPE_SZ, MIB));
  close(ends[0]);
  close(ends[1]);
  return error;
}
static int grows_socket(const char *unused) {
  int ends[2], size = MIB;
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0) return errno;
  int error = outcome(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size));
  close(ends[0]);
  close(ends[1]);
  return error;
}
static int shares_memory(const char *unused) {
  long segment = syscall(SYS_shmget, 0, 4096, 0600);
  if (segment < 0) return errno;
  syscall(SYS_shmctl, segment, 0, NULL);
  return 0;
}
static int disables_randomness(const char *unused) { return outcome(syscall(SYS_personality, 0)); }
static int reads_kernel_log(const char *unused) { return outcome(syscall(SYS_syslog, 10, NULL, 0)); }
static int names_host(const char *unused) {
  char name[256];
  gethostname(name, sizeof name);
  return outcome(sethostname(name, strlen(name)));
}

// Privileges.
static int becomes_root(const char *unused) { return outcome(syscall(SYS_setresuid, 0, 0, 0)); }
static int joins_groups(const char *unused) {
  gid_t group = 0;
  return outcome(syscall(SYS_setgroups, 1, &group));
}
static int gain_capabilities(const char *unused) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {{1u << CAP_SYS_ADMIN, 1u << CAP_SYS_ADMIN, 0}, {0, 0, 0}};
  return outcome(syscall(SYS_capset, &header, data));
}
static int gains_capabilities(const char *unused) { return in_child(gain_capabilities, unused); }
static int raises_limit(const char *unused) {
  struct rlimit before, more = {1 << 20, 1 << 20};
  getrlimit(RLIMIT_NPROC, &before);
  if (setrlimit(RLIMIT_NPROC, &more) < 0) return errno;
  return outcome(setrlimit(RLIMIT_NPROC, &before));
}

// Bombs: each stops by itself where nothing stops it.
static int fills(const char *folder, long bytes) {
  char path[4096], *block = calloc(1, MIB);
  snprintf(path, sizeof path, "%s/idiom-attack-%d", folder, getpid());
  int error = 0, fd = open(path, O_WRONLY | O_CREAT, 0600);
  if (fd < 0) error = errno;
  for (long written = 0; error == 0 && written < bytes; written += MIB) error = outcome(write(fd, block, MIB));
  close(fd);
  unlink(path);
  free(block);
  return error;
}
static int fills_tmp(const char *unused) { return fills(getenv("TMPDIR"), 100 * MIB); }
static int fills_tmp_with_files(const char *unused) {
  char path[4096], *block = calloc(1, MIB);
  int error = 0;
  for (int i = 0; i < 100 && error == 0; i++) {
    snprintf(path, sizeof path, "%s/idiom-attack-%d-%d", getenv("TMPDIR"), getpid(), i);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    error = fd < 0 ? errno : outcome(write(fd, block, MIB));
    close(fd);
  }
  if (error == 0) sleep(1);
  for (int i = 0; i < 100; i++) {
    snprintf(path, sizeof path, "%s/idiom-attack-%d-%d", getenv("TMPDIR"), getpid(), i);
    unlink(path);
  }
  free(block);
  return error;
}
/* They take no room, only the kernel's memory: 1 KiB each. */
static int fills_tmp_with_names(const char *unused) {
  char path[4096];
  int error = 0, made = 0;
  for (; made < 100000 && error == 0; made++) {
    snprintf(path, sizeof path, "%s/idiom-attack-%d-%d", getenv("TMPDIR"), getpid(), made);
    error = closes(open(path, O_WRONLY | O_CREAT, 0600));
  }
  if (error == 0) sleep(1);
  while (made-- > 0) {
    snprintf(path, sizeof path, "%s/idiom-attack-%d-%d", getenv("TMPDIR"), getpid(), made);
    unlink(path);
  }
  return error;
}
static int fills_shared_memory(const char *unused) { return fills("/dev/shm", 100 * MIB); }
static int forks(const char *unused) {
  pid_t children[300];
  int count = 0, error = 0;
  while (count < 300 && error == 0) {
    pid_t child = fork();
    if (child == 0) {
      pause();
      _exit(0);
    }
    if (child < 0) error = errno;
    else children[count++] = child;
  }
  for (int i = 0; i < count; i++) kill(children[i], SIGKILL);
  for (int i = 0; i < count; i++) waitpid(children[i], NULL, 0);
  return error;
}
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static void *waits(void *unused) {
  pthread_mutex_lock(&gate);
  pthread_mutex_unlock(&gate);
  return NULL;
}
static int starts_threads(const char *unused) {
  pthread_t threads[300];
  pthread_attr_t small;
  int count = 0, error = 0;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 64 * 1024);
  pthread_mutex_lock(&gate);
  while (count < 300 && (error = pthread_create(&threads[count], &small, waits, NULL)) == 0) count++;
  pthread_mutex_unlock(&gate);
  for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
  return error;
}
static int opens_descriptors(const char *unused) {
  int fds[2000], count = 0, error = 0;
  while (count < 2000 && error == 0) {
    int fd = open("/dev/null", O_RDONLY);
    if (fd < 0) error = errno;
    else fds[count++] = fd;
  }
  while (count > 0) close(fds[--count]);
  return error;
}
static int takes_memory(long bytes, int flags) {
  char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return errno;
  for (long at = 0; at < bytes; at += 4096) memory[at] = 1;
  munmap(memory, bytes);
  return 0;
}
static int takes_private_memory(const char *unused) { return takes_memory(1200 * MIB, MAP_PRIVATE); }
static int takes_shared_memory(const char *unused) { return takes_memory(1200 * MIB, MAP_SHARED); }
/* Given back to the kernel's care, it is shown as nobody's, and held all the same. */
static int hides_shared_memory(const char *unused) {
  char *blocks[20];
  int count = 0, error = 0;
  while (count < 20 && error == 0) {
    char *memory = mmap(NULL, 100 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
      error = errno;
      break;
    }
    blocks[count++] = memory;
    for (long part = 0; part < 100 * MIB; part += MIB) {
      for (long at = part; at < part + MIB; at += 4096) memory[at] = 1;
      madvise(memory + part, MIB, MADV_DONTNEED);
    }
  }
  while (count > 0) munmap(blocks[--count], 100 * MIB);
  return error;
}
static int forks_with_memory(const char *unused) {
  int pipes[2];
  char done;
  if (pipe(pipes) < 0) return errno;
  for (int i = 0; i < 12; i++) {
    if (fork() != 0) continue;
    char *memory = mmap(NULL, 100 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (long at = 0; at < 100 * MIB; at += 4096) memory[at] = 1;
    if (write(pipes[1], "x", 1) == 1) sleep(1);
    _exit(0);
  }
  for (int i = 0; i < 12; i++) if (read(pipes[0], &done, 1) < 0) return errno;
  while (wait(NULL) > 0) {}
  close(pipes[0]);
  close(pipes[1]);
  return 0;
}

// What goes to the host: `target` is the descriptor.
static int sends(const char *fd, const void *bytes, size_t length) { return outcome(write(atoi(fd), bytes, length)); }
static int sends_garbage(const char *fd) { return sends(fd, "GET / HTTP/1.1\r\nHost: idiom\r\n\r\n", 32); }
static int sends_length(const char *fd) { return sends(fd, "\xff\xff\xff\xff\x11\0\0\0\x01\0\0\0\0\0\0\0", 16); }
static int sends_wrong_id(const char *fd) { return sends(fd, "\x02\0\0\0\x12\0\0\0\x3f\x42\x0f\0\0\0\0\0{}", 18); }
static int sends_hello(const char *fd) { return sends(fd, "\x02\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0{}", 18); }
/* Answers the first call of this process, whose harness will answer it as well. */
static int answers_first_call(const char *fd) {
  const char *body = "{\"kind\":\"MODEL_ERROR\",\"type\":null,\"message\":\"forged\",\"traceback\":[],\"segment\":null,\"row\":null}";
  char frame[256] = {0};
  frame[0] = (char)strlen(body);
  frame[4] = 0x12;
  frame[8] = 1;
  memcpy(frame + 16, body, strlen(body));
  return sends(fd, frame, 16 + strlen(body));
}
static int floods_log(const char *megabytes) {
  char line[1024];
  memset(line, 'x', sizeof line);
  line[sizeof line - 1] = '\n';
  for (long sent = 0; sent < atoi(megabytes) * 1024L; sent++) if (write(1, line, sizeof line) < 0) return errno;
  return 0;
}
static int floods_log_with_nothing(const char *megabytes) {
  char lines[1024];
  memset(lines, '\n', sizeof lines);
  for (long sent = 0; sent < atoi(megabytes) * 1024L; sent++) if (write(1, lines, sizeof lines) < 0) return errno;
  return 0;
}
/* The harness's own words, which a model can say as well. */
static int floods_log_with_frames(const char *fd) {
  const char frame[] = "\x21\0\0\0\x07\0\0\0\0\0\0\0\0\0\0\0{\"level\":\"info\",\"message\":\"fake\"}";
  for (int i = 0; i < 100000; i++) {
    for (size_t sent = 0; sent < sizeof frame - 1;) {
      ssize_t count = write(atoi(fd), frame + sent, sizeof frame - 1 - sent);
      if (count < 0 && errno != EAGAIN) return errno;
      if (count > 0) sent += count;
    }
  }
  return 0;
}

static const struct { const char *name; int (*attack)(const char *target); } ATTACKS[] = {
  {"reads", reads}, {"opens_to_write", opens_to_write}, {"creates", creates}, {"changes_mode", changes_mode}, {"makes_device", makes_device},
  {"opens_by_handle", opens_by_handle}, {"has_variable", has_variable}, {"has_descriptor", has_descriptor},
  {"signals", signals}, {"traces", traces}, {"reads_memory", reads_memory}, {"takes_descriptor", takes_descriptor}, {"compares", compares},
  {"takes_other_cores", takes_other_cores}, {"goes_first", goes_first}, {"limits_process", limits_process}, {"slows_process", slows_process},
  {"ends_everybody", ends_everybody}, {"clones_sibling", clones_sibling}, {"adopts_orphans", adopts_orphans}, {"listens", listens}, {"leases", leases},
  {"connects_ipv4", connects_ipv4}, {"connects_ipv6", connects_ipv6}, {"sends_datagram", sends_datagram}, {"connects_unix", connects_unix},
  {"connects_abstract", connects_abstract}, {"sends_unix", sends_unix}, {"netlink", netlink}, {"raw", raw}, {"packet", packet}, {"alg", alg},
  {"mounts", mounts}, {"opens_file_system", opens_file_system}, {"changes_root", changes_root}, {"unshares_users", unshares_users},
  {"unshares_mounts", unshares_mounts}, {"unshares_network", unshares_network}, {"clones_users", clones_users}, {"enters", enters},
  {"adds_key", adds_key}, {"reads_keyring", reads_keyring}, {"uring", uring}, {"faults", faults}, {"bpf", bpf},
  {"watches_performance", watches_performance}, {"makes_memory_file", makes_memory_file}, {"shares_memory", shares_memory}, {"splices_memory", splices_memory},
  {"grows_pipe", grows_pipe}, {"grows_socket", grows_socket},
  {"disables_randomness", disables_randomness}, {"reads_kernel_log", reads_kernel_log}, {"names_host", names_host},
  {"becomes_root", becomes_root}, {"joins_groups", joins_groups}, {"gains_capabilities", gains_capabilities}, {"raises_limit", raises_limit},
  {"fills_tmp", fills_tmp}, {"fills_tmp_with_files", fills_tmp_with_files}, {"fills_tmp_with_names", fills_tmp_with_names}, {"fills_shared_memory", fills_shared_memory}, {"forks", forks}, {"starts_threads", starts_threads},
  {"opens_descriptors", opens_descriptors}, {"takes_private_memory", takes_private_memory}, {"takes_shared_memory", takes_shared_memory},
  {"hides_shared_memory", hides_shared_memory},
  {"forks_with_memory", forks_with_memory}, {"sends_garbage", sends_garbage}, {"sends_length", sends_length},
  {"sends_wrong_id", sends_wrong_id}, {"sends_hello", sends_hello}, {"answers_first_call", answers_first_call}, {"floods_log", floods_log},
  {"floods_log_with_nothing", floods_log_with_nothing}, {"floods_log_with_frames", floods_log_with_frames},
};

void idiom_attack(const char *words, char *result, int size) {
  char name[64] = "";
  int at = 0;
  sscanf(words, "%63s %n", name, &at);
  for (size_t i = 0; i < sizeof ATTACKS / sizeof *ATTACKS; i++) {
    if (strcmp(ATTACKS[i].name, name) != 0) continue;
    int error = ATTACKS[i].attack(words + at);
    snprintf(result, size, "%s", error == 0 ? "succeeded" : strerrorname_np(error));
    return;
  }
  snprintf(result, size, "no attack is called '%s'", name);
}
