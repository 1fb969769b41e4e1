// The filter of system calls, as the kernel takes it: classic BPF, put together here because no library does it.
// Denied is what no model needs and what leads out of a sandbox or to memory that nobody counts.

/** Numbers per architecture: x86_64, aarch64. Null where it has no such call. */
type Numbers = readonly [x64: number, arm64: number | null];

/** Refused with EPERM. */
const DENIED: Readonly<Record<string, Numbers>> = {
  // Other processes' memory and descriptors.
  ptrace: [101, 117],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  process_madvise: [440, 440],
  kcmp: [312, 272],
  pidfd_getfd: [438, 438],
  // The keyrings of the kernel have no namespace.
  add_key: [248, 217],
  request_key: [249, 218],
  keyctl: [250, 219],
  // Large parts of the kernel that attacks begin in.
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  bpf: [321, 280],
  perf_event_open: [298, 241],
  userfaultfd: [323, 282],
  fanotify_init: [300, 262],
  // Mounts and namespaces.
  mount: [165, 40],
  umount2: [166, 39],
  pivot_root: [155, 41],
  chroot: [161, 51],
  open_tree: [428, 428],
  move_mount: [429, 429],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fspick: [433, 433],
  mount_setattr: [442, 442],
  unshare: [272, 97],
  setns: [308, 268],
  // Files by handle pass by every mount.
  name_to_handle_at: [303, 264],
  open_by_handle_at: [304, 265],
  // The machine itself.
  init_module: [175, 105],
  finit_module: [313, 273],
  delete_module: [176, 106],
  kexec_load: [246, 104],
  kexec_file_load: [320, 294],
  reboot: [169, 142],
  swapon: [167, 224],
  swapoff: [168, 225],
  acct: [163, 89],
  quotactl: [179, 60],
  quotactl_fd: [443, 443],
  sync: [162, 81],
  syncfs: [306, 267],
  syslog: [103, 116],
  vhangup: [153, 58],
  lookup_dcookie: [212, 18],
  nfsservctl: [180, 42],
  iopl: [172, null],
  ioperm: [173, null],
  modify_ldt: [154, null],
  uselib: [134, null],
  personality: [135, 92],
  settimeofday: [164, 170],
  clock_settime: [227, 112],
  adjtimex: [159, 171],
  clock_adjtime: [305, 266],
  sethostname: [170, 161],
  setdomainname: [171, 162],
  // Memory that belongs to no process, and so escapes every count.
  memfd_create: [319, 279],
  memfd_secret: [447, 447],
  shmget: [29, 194],
  msgget: [68, 186],
  semget: [64, 190],
  mq_open: [240, 180],
  mq_unlink: [241, 181],
  vmsplice: [278, 75],
  migrate_pages: [256, 238],
  move_pages: [279, 239],
  // `limits.cpus` holds by affinity.
  sched_setaffinity: [203, 122],
  ioprio_set: [251, 30],
};

/** Refused besides where the host's files can be named: landlock does not ask who listens for what happens to them. */
const DENIED_AMONG_HOST_FILES: Readonly<Record<string, Numbers>> = { inotify_add_watch: [254, 27] };

/** Refused where the host's files belong to the model's own user as well: landlock does not ask who changes their modes, owners, attributes and times. */
const DENIED_AMONG_OWN_FILES: Readonly<Record<string, Numbers>> = {
  ...DENIED_AMONG_HOST_FILES,
  chmod: [90, null],
  fchmod: [91, 52],
  fchmodat: [268, 53],
  fchmodat2: [452, 452],
  chown: [92, null],
  lchown: [94, null],
  fchown: [93, 55],
  fchownat: [260, 54],
  setxattr: [188, 5],
  lsetxattr: [189, 6],
  fsetxattr: [190, 7],
  removexattr: [197, 14],
  lremovexattr: [198, 15],
  fremovexattr: [199, 16],
  utime: [132, null],
  utimes: [235, null],
  futimesat: [261, null],
  utimensat: [280, 88],
};

const DENIED_AMONG_FILES = { hidden: {}, named: DENIED_AMONG_HOST_FILES, owned: DENIED_AMONG_OWN_FILES } as const;

const CALLS = {
  clone: [56, 220],
  clone3: [435, 435],
  fork: [57, null],
  vfork: [58, null],
  socket: [41, 198],
  socketpair: [53, 199],
  setsockopt: [54, 208],
  fcntl: [72, 25],
  ioctl: [16, 29],
  prlimit64: [302, 261],
  setpriority: [141, 140],
  sched_setparam: [142, 118],
  sched_setscheduler: [144, 119],
  sched_setattr: [314, 274],
  prctl: [157, 167],
  seccomp: [317, 277],
  setsid: [112, 157],
  setgroups: [116, 159],
  setresgid: [119, 149],
  setresuid: [117, 147],
} as const satisfies Readonly<Record<string, Numbers>>;

/** Calls from this number on came after Linux 6.9: to a model they do not exist. */
const FIRST_UNKNOWN = 462;
/** x86_64 has a second set of numbers from here on (x32). */
const X32 = 0x4000_0000;

const ARCHITECTURES: Readonly<Record<string, { readonly column: 0 | 1; readonly audit: number }>> = {
  x64: { column: 0, audit: 0xc000_003e },
  arm64: { column: 1, audit: 0xc000_00b7 },
};

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const NAMESPACE_FLAGS = 0x7e02_0000;
/** CLONE_PARENT: a sibling instead of a child. Who belongs to an instance is told by its ancestors. */
const AS_SIBLING = 0x8000;
/** `prctl` that has orphans below a process become its children, for the same reason. */
const PR_SET_CHILD_SUBREAPER = 36;
/** In each type of socket that sends to whom it names: SOCK_DGRAM, SOCK_RAW. */
const UNCONNECTED = 2;
/** AF_UNIX. */
const UNIX = 1;
/** AF_INET, AF_INET6. */
const INTERNET = [2, 10];
/** SO_SNDBUF, SO_RCVBUF: what they hold belongs to no process. */
const SOCKET_BUFFERS = [7, 8];
/** F_SETLEASE, F_NOTIFY, F_SETDELEG: whoever opens the file waits for its holder, also this host. F_SETPIPE_SZ: as above. */
const FILE_HOLDS = [1024, 1026, 1040, 1031];
/** Puts words into the terminal's input: TIOCSTI, TIOCLINUX. */
const TERMINAL_INPUT = [0x5412, 0x541c];
/** `setpriority` of all processes of a user. */
const PRIO_USER = 2;

const ENOSYS = 38;
const EPERM = 1;
const EACCES = 13;
const KILL_PROCESS = 0x8000_0000;
const ALLOW = 0x7fff_0000;
/** Whoever listens decides. */
const ASK = 0x7fc0_0000;
const errno = (number: number): number => 0x0005_0000 | number;

/** Offsets in what the kernel shows of a call: its number, the architecture, the low half of each argument and the high half of the last. */
const DATA = { number: 0, architecture: 4, argument0: 16, argument1: 24, argument2: 32, argument5: 56, argument5High: 60 };

const LOAD = 0x20;
const RETURN = 0x06;
/** Each as the code of a jump, and how far it jumps if the accumulator is as it says, and if not. */
const IF = { equal: [0x15, 0, 1], differs: [0x15, 1, 0], notLess: [0x35, 0, 1], anyBit: [0x45, 0, 1] } as const;

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number];
type ArgumentTest = readonly [argument: number, condition: keyof typeof IF, value: number, action: number];

/** How many system calls are refused altogether, for the operator. */
export const DENIED_CALLS = Object.keys(DENIED).length;

export interface FilterOptions {
  /** Internet sockets may be made. */
  readonly network: boolean;
  /** What the files of the host are to the process. */
  readonly hostFiles: keyof typeof DENIED_AMONG_FILES;
  /** 64 bits. Whoever listens to the filter decides about each new process or thread, but for a `clone` with these as its sixth argument. Null: all may be made. */
  readonly pass: bigint | null;
}

/**
 * The filter for this architecture, as an array of `struct sock_filter`.
 * @throws Error where there is no table for the architecture.
 */
export function seccompFilter(architecture: string, { network, hostFiles, pass }: FilterOptions): Buffer {
  const { column, audit } = known(architecture);
  const program: Instruction[] = [
    [LOAD, 0, 0, DATA.architecture],
    [IF.equal[0], 1, 0, audit],
    [RETURN, 0, 0, KILL_PROCESS],
    [LOAD, 0, 0, DATA.number],
  ];
  const when = (condition: keyof typeof IF, value: number | null, action: number): void => {
    if (value !== null) program.push([...IF[condition], value], [RETURN, 0, 0, action]);
  };
  /** For one call: looks at its arguments in turn, ends with `otherwise`. */
  const withArguments = (call: keyof typeof CALLS, tests: readonly ArgumentTest[], otherwise: number): void => {
    program.push([IF.equal[0], 0, 3 * tests.length + 1, CALLS[call][column] as number]);
    for (const [argument, condition, value, action] of tests) {
      program.push([LOAD, 0, 0, argument]);
      when(condition, value, action);
    }
    program.push([RETURN, 0, 0, otherwise]);
  };
  if (architecture === "x64") when("notLess", X32, KILL_PROCESS);
  when("notLess", FIRST_UNKNOWN, errno(ENOSYS));
  for (const numbers of Object.values({ ...DENIED, ...DENIED_AMONG_FILES[hostFiles] })) when("equal", numbers[column], errno(EPERM));
  // Its flags lie in memory, where a filter cannot look; without it libraries use clone.
  when("equal", CALLS.clone3[column], errno(ENOSYS));
  withArguments("clone", [[DATA.argument0, "anyBit", NAMESPACE_FLAGS | AS_SIBLING, errno(EPERM)], ...(pass === null ? [] : unlessPassed(pass))], ALLOW);
  if (pass !== null) for (const call of ["fork", "vfork"] as const) when("equal", CALLS[call][column], ASK);
  withArguments("prctl", [[DATA.argument0, "equal", PR_SET_CHILD_SUBREAPER, errno(EPERM)]], ALLOW);
  // AF_VSOCK and AF_NETLINK know no namespaces.
  withArguments("socket", network ? INTERNET.map((family): ArgumentTest => [DATA.argument0, "equal", family, ALLOW]) : [], errno(EACCES));
  // UNIX sockets alone; and an end of a pair of datagrams reaches every one of them that has a name.
  withArguments(
    "socketpair",
    [
      [DATA.argument0, "differs", UNIX, errno(EACCES)],
      [DATA.argument1, "anyBit", UNCONNECTED, errno(EACCES)],
    ],
    ALLOW,
  );
  const sizes = network ? [] : SOCKET_BUFFERS.map((option): ArgumentTest => [DATA.argument2, "equal", option, errno(EPERM)]);
  withArguments("setsockopt", sizes, ALLOW);
  withArguments(
    "fcntl",
    FILE_HOLDS.map((command): ArgumentTest => [DATA.argument1, "equal", command, errno(EPERM)]),
    ALLOW,
  );
  withArguments(
    "ioctl",
    TERMINAL_INPUT.map((request): ArgumentTest => [DATA.argument1, "equal", request, errno(EPERM)]),
    ALLOW,
  );
  // Its own limits, priority and scheduling, not those of another process that belongs to the same user.
  for (const call of ["prlimit64", "sched_setparam", "sched_setscheduler", "sched_setattr"] as const)
    withArguments(call, [[DATA.argument0, "equal", 0, ALLOW]], errno(EPERM));
  withArguments(
    "setpriority",
    [
      [DATA.argument0, "equal", PRIO_USER, errno(EPERM)],
      [DATA.argument1, "equal", 0, ALLOW],
    ],
    errno(EPERM),
  );
  program.push([RETURN, 0, 0, ALLOW]);
  return encode(program);
}

function unlessPassed(pass: bigint): ArgumentTest[] {
  return [
    [DATA.argument5, "differs", Number(pass & 0xffff_ffffn), ASK],
    [DATA.argument5High, "differs", Number(pass >> 32n), ASK],
  ];
}

/** The number of a call. @throws Error as above. */
export function callNumber(architecture: string, call: "clone" | "prctl" | "seccomp" | "setsid" | "setgroups" | "setresgid" | "setresuid"): number {
  return CALLS[call][known(architecture).column];
}

function known(architecture: string): { readonly column: 0 | 1; readonly audit: number } {
  const found = ARCHITECTURES[architecture];
  if (found === undefined) throw new Error(`the system calls of ${architecture} are not known; known are ${Object.keys(ARCHITECTURES).join(" and ")}`);
  return found;
}

function encode(program: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(([code, ifTrue, ifFalse, value], i) => {
    bytes.writeUInt16LE(code, i * 8);
    bytes.writeUInt8(ifTrue, i * 8 + 2);
    bytes.writeUInt8(ifFalse, i * 8 + 3);
    bytes.writeUInt32LE(value, i * 8 + 4);
  });
  return bytes;
}
