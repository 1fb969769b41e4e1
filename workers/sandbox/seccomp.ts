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
  migrate_pages: [256, 238],
  move_pages: [279, 239],
  // `limits.cpus` holds by affinity.
  sched_setaffinity: [203, 122],
};

const CLONE: Numbers = [56, 220];
const CLONE3: Numbers = [435, 435];
const SOCKET: Numbers = [41, 198];
const IOCTL: Numbers = [16, 29];
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
/** AF_INET, AF_INET6. */
const INTERNET = [2, 10];
/** Puts words into the terminal's input: TIOCSTI, TIOCLINUX. */
const TERMINAL_INPUT = [0x5412, 0x541c];

const ENOSYS = 38;
const EPERM = 1;
const EACCES = 13;
const KILL_PROCESS = 0x8000_0000;
const ALLOW = 0x7fff_0000;
const errno = (number: number): number => 0x0005_0000 | number;

/** Offsets in what the kernel shows of a call: its number, the architecture, the low halves of two arguments. */
const DATA = { number: 0, architecture: 4, argument0: 16, argument1: 24 };

const LOAD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_NOT_LESS = 0x35;
const JUMP_ANY_BIT = 0x45;
const RETURN = 0x06;

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number];

/** How many system calls are refused altogether, for the operator. */
export const DENIED_CALLS = Object.keys(DENIED).length;

/**
 * The filter for this architecture, as an array of `struct sock_filter`. `network`: internet sockets may be made.
 * @throws Error where there is no table for the architecture.
 */
export function seccompFilter(architecture: string, network: boolean): Buffer {
  const known = ARCHITECTURES[architecture];
  if (known === undefined) throw new Error(`the system calls of ${architecture} are not known; known are ${Object.keys(ARCHITECTURES).join(" and ")}`);
  const number = (numbers: Numbers): number | null => numbers[known.column];
  const program: Instruction[] = [
    [LOAD, 0, 0, DATA.architecture],
    [JUMP_EQUAL, 1, 0, known.audit],
    [RETURN, 0, 0, KILL_PROCESS],
    [LOAD, 0, 0, DATA.number],
  ];
  const when = (jump: number, value: number, action: number): void => void program.push([jump, 0, 1, value], [RETURN, 0, 0, action]);
  /** For one call: looks at an argument, ends with `otherwise`. */
  const withArgument = (
    call: Numbers,
    argument: number,
    tests: readonly (readonly [jump: number, value: number, action: number])[],
    otherwise: number,
  ): void => {
    program.push([JUMP_EQUAL, 0, 2 * tests.length + 2, number(call) as number], [LOAD, 0, 0, argument]);
    for (const [jump, value, action] of tests) when(jump, value, action);
    program.push([RETURN, 0, 0, otherwise]);
  };
  if (architecture === "x64") when(JUMP_NOT_LESS, X32, KILL_PROCESS);
  when(JUMP_NOT_LESS, FIRST_UNKNOWN, errno(ENOSYS));
  for (const numbers of Object.values(DENIED)) {
    const denied = number(numbers);
    if (denied !== null) when(JUMP_EQUAL, denied, errno(EPERM));
  }
  // Its flags lie in memory, where a filter cannot look; without it libraries use clone.
  when(JUMP_EQUAL, number(CLONE3) as number, errno(ENOSYS));
  withArgument(CLONE, DATA.argument0, [[JUMP_ANY_BIT, NAMESPACE_FLAGS, errno(EPERM)]], ALLOW);
  // AF_VSOCK and AF_NETLINK know no namespaces. Pairs of sockets are made by another call.
  withArgument(SOCKET, DATA.argument0, network ? INTERNET.map((family) => [JUMP_EQUAL, family, ALLOW] as const) : [], errno(EACCES));
  withArgument(
    IOCTL,
    DATA.argument1,
    TERMINAL_INPUT.map((request) => [JUMP_EQUAL, request, errno(EPERM)] as const),
    ALLOW,
  );
  program.push([RETURN, 0, 0, ALLOW]);
  return encode(program);
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
