// The attacks as data: what each tries, on what, and what the kernel says to it in a sandbox. The code is in native/attacks.c.

/** What attacks are aimed at; only what the test makes itself. */
export interface Targets {
  /** A file of the host that everybody may read. */
  readonly file: string;
  /** A file in the folder of another model. */
  readonly otherModel: string;
  readonly emptyFolder: string;
  /** A folder that everybody may read and write to. */
  readonly openFolder: string;
  readonly host: number;
  /** A process of the host's user. */
  readonly victim: number;
  readonly port: number;
  readonly socket: string;
  readonly abstractSocket: string;
  /** Takes datagrams. */
  readonly mailbox: string;
  /** A variable of the host's environment. */
  readonly variable: string;
}

export interface Attack {
  readonly name: string;
  /** Function of native/attacks.c and its target. */
  readonly words: (targets: Targets) => string;
  /** What the kernel says of it in a sandbox. */
  readonly refusals: Readonly<Record<"strict" | "landlock", readonly string[]>>;
  /** Who gets through where there is no sandbox. `nobody`: it is prevented there as well. */
  readonly without: "everybody" | "root" | "nobody";
}

type Without = Attack["without"];

const attack = (
  name: string,
  refusals: string | Readonly<Record<"strict" | "landlock", string>>,
  without: Without,
  words: Attack["words"] | string,
): Attack => ({
  name,
  refusals:
    typeof refusals === "string"
      ? { strict: refusals.split(" "), landlock: refusals.split(" ") }
      : { strict: refusals.strict.split(" "), landlock: refusals.landlock.split(" ") },
  without,
  words: typeof words === "string" ? () => words : words,
});

/** Where bubblewrap shows nothing, landlock lets a file be named and not opened. */
const HIDDEN = { strict: "ENOENT EACCES", landlock: "EACCES" };
const READ_ONLY = { strict: "EROFS EACCES", landlock: "EACCES" };
const OTHERS_PROCESS = { strict: "ESRCH EPERM", landlock: "EPERM" };

export const ATTACKS: readonly Attack[] = [
  // Files
  attack("read a file of the host", HIDDEN, "everybody", ({ file }) => `reads ${file}`),
  attack("read a file of another model", HIDDEN, "everybody", ({ otherModel }) => `reads ${otherModel}`),
  attack("read a file of another model through ..", HIDDEN, "everybody", "reads ../neighbour/model.mjs"),
  attack("read a file of the host through a link in its own folder", HIDDEN, "everybody", "reads link"),
  attack("read the passwords of the host", HIDDEN, "root", "reads /etc/shadow"),
  attack("list the host's folders", HIDDEN, "everybody", "reads /var"),
  attack("list another model's folder", HIDDEN, "everybody", "reads ../neighbour"),
  attack("write into its own model", READ_ONLY, "everybody", "creates written"),
  attack("overwrite its own model", READ_ONLY, "everybody", "opens_to_write model.yaml"),
  attack("change the mode of its own model", "EROFS EPERM", "everybody", "changes_mode model.yaml"),
  attack("write into the system", READ_ONLY, "root", "creates /usr/idiom-attack"),
  attack("write into a folder of the host that is open to everybody", HIDDEN, "everybody", ({ openFolder }) => `creates ${openFolder}/idiom-attack`),
  attack("listen to what happens in a folder of the host", { strict: "ENOENT", landlock: "EPERM" }, "everybody", ({ openFolder }) => `listens ${openFolder}`),
  attack("make a device", { strict: "EPERM EROFS", landlock: "EACCES" }, "root", "makes_device /tmp/idiom-attack-device"),
  attack("open a file by its handle", "EPERM", "root", "opens_by_handle /usr/bin/env"),
  attack("read the kernel's messages from a device", "ENOENT EACCES EPERM", "root", "reads /dev/kmsg"),
  // What belongs to the host
  attack("read the host's environment", HIDDEN, "everybody", ({ host }) => `reads /proc/${host}/environ`),
  attack("read the host's memory", HIDDEN, "everybody", ({ host }) => `reads /proc/${host}/mem`),
  attack("read the host's files through /proc", HIDDEN, "everybody", ({ host, file }) => `reads /proc/${host}/root${file}`),
  attack("change the kernel's settings", READ_ONLY, "root", "opens_to_write /proc/sys/kernel/hostname"),
  attack("change what the kernel does with a crash", READ_ONLY, "root", "opens_to_write /proc/sys/kernel/core_pattern"),
  attack("hold a file of /proc, which the host reads", "EPERM", "everybody", "leases /proc/self/status"),
  attack("read the memory of the first process", "ENOENT EACCES EPERM", "nobody", "reads /proc/1/mem"),
  attack("find a variable of the host's environment", "ENOENT", "nobody", ({ variable }) => `has_variable ${variable}`),
  attack("find a descriptor that the host was started with", "EBADF", "nobody", ({ file }) => `has_descriptor ${file}`),
  // Other processes
  attack("signal the host", OTHERS_PROCESS, "everybody", ({ host }) => `signals ${host}`),
  attack("signal a process of the host's user", OTHERS_PROCESS, "everybody", ({ victim }) => `signals ${victim}`),
  attack("trace a process", "EPERM ESRCH", "everybody", ({ victim }) => `traces ${victim}`),
  attack("read a process's memory", "EPERM ESRCH", "everybody", ({ victim }) => `reads_memory ${victim}`),
  attack("take a process's descriptor", "EPERM", "everybody", ({ victim }) => `takes_descriptor ${victim}`),
  attack("compare processes", "EPERM", "everybody", ({ victim }) => `compares ${victim}`),
  attack("run on other cores", "EPERM", "everybody", "takes_other_cores"),
  attack("limit a process", "EPERM", "everybody", ({ victim }) => `limits_process ${victim}`),
  attack("slow down a process", "EPERM", "everybody", ({ victim }) => `slows_process ${victim}`),
  attack("start a process that is nobody's child", "EPERM", "everybody", "clones_sibling"),
  attack("adopt the orphans of others", "EPERM", "everybody", "adopts_orphans"),
  attack("run before everybody else", "EACCES EPERM", "root", "goes_first"),
  // Network
  attack("connect over IPv4", "EACCES", "everybody", ({ port }) => `connects_ipv4 ${port}`),
  attack("connect over IPv6", "EACCES", "everybody", ({ port }) => `connects_ipv6 ${port}`),
  attack("send a datagram", "EACCES", "everybody", ({ port }) => `sends_datagram ${port}`),
  attack("connect to a UNIX socket", "EACCES", "everybody", ({ socket }) => `connects_unix ${socket}`),
  attack("connect to an abstract UNIX socket", "EACCES", "everybody", ({ abstractSocket }) => `connects_abstract ${abstractSocket}`),
  attack("send a datagram to a UNIX socket", "EACCES", "everybody", ({ mailbox }) => `sends_unix ${mailbox}`),
  attack("open a netlink socket", "EACCES", "everybody", "netlink"),
  attack("open a raw socket", "EACCES", "root", "raw"),
  attack("open a packet socket", "EACCES", "root", "packet"),
  // Mounts and namespaces
  attack("mount a file system", "EPERM", "root", ({ emptyFolder }) => `mounts ${emptyFolder}`),
  attack("open a file system", "EPERM", "root", "opens_file_system"),
  attack("change its root", "EPERM", "root", "changes_root"),
  attack("unshare its users", "EPERM", "everybody", "unshares_users"),
  attack("unshare its mounts", "EPERM", "root", "unshares_mounts"),
  attack("unshare its network", "EPERM", "root", "unshares_network"),
  attack("clone into new users", "EPERM", "everybody", "clones_users"),
  attack("enter the host's mounts", "EPERM", "root", ({ host }) => `enters /proc/${host}/ns/mnt`),
  // The kernel
  attack("add a key", "EPERM", "everybody", "adds_key"),
  attack("read a keyring", "EPERM", "everybody", "reads_keyring"),
  attack("set up io_uring", "EPERM", "everybody", "uring"),
  attack("handle page faults", "EPERM", "root", "faults"),
  attack("load a BPF map", "EPERM", "root", "bpf"),
  attack("open a performance counter", "EPERM", "root", "watches_performance"),
  attack("make a file of memory", "EPERM", "everybody", "makes_memory_file"),
  attack("make a System V segment", "EPERM", "everybody", "shares_memory"),
  attack("keep memory in a pipe", "EPERM", "everybody", "splices_memory"),
  attack("make a pipe larger", "EPERM", "everybody", "grows_pipe"),
  attack("make a socket's buffer larger", "EPERM", "everybody", "grows_socket"),
  attack("switch off address randomisation", "EPERM", "everybody", "disables_randomness"),
  attack("read the kernel's log", "EPERM", "root", "reads_kernel_log"),
  attack("name the host", "EPERM", "root", "names_host"),
  // Privileges
  attack("become root", "EPERM EINVAL", "root", "becomes_root"),
  attack("join root's group", "EPERM EINVAL", "root", "joins_groups"),
  attack("gain capabilities", "EPERM", "root", "gains_capabilities"),
  attack("raise its own limits", "EPERM", "nobody", "raises_limit"),
  // Bombs that an errno stops
  attack("fill the disk with one file", { strict: "ENOSPC", landlock: "EFBIG" }, "everybody", "fills_tmp"),
  attack("fill shared memory", { strict: "ENOSPC", landlock: "EACCES" }, "everybody", "fills_shared_memory"),
  attack("fork without end", "EAGAIN", "everybody", "forks"),
  attack("start threads without end", "EAGAIN", "everybody", "starts_threads"),
  attack("open descriptors without end", "EMFILE", "everybody", "opens_descriptors"),
  attack("take memory without end", "ENOMEM", "everybody", "takes_private_memory"),
];

/** Bombs that end the process: no single one of the calls exceeds a limit. */
export const MEMORY_BOMBS: readonly Pick<Attack, "name" | "words">[] = [
  { name: "take shared memory without end", words: () => "takes_shared_memory" },
  { name: "take memory in many processes", words: () => "forks_with_memory" },
];

/** What a hostile model says to the host, on the descriptor that it is given. */
export const HOSTILE_FRAMES: readonly { readonly name: string; readonly words: (fd: number) => string }[] = [
  { name: "garbage", words: (fd) => `sends_garbage ${fd}` },
  { name: "a frame of four gigabytes", words: (fd) => `sends_length ${fd}` },
  { name: "an answer to nobody's question", words: (fd) => `sends_wrong_id ${fd}` },
  { name: "a second greeting", words: (fd) => `sends_hello ${fd}` },
];

export interface Flood {
  readonly name: string;
  readonly words: string;
  /** What tells its lines in the log. */
  readonly line: string;
  /** A burst of them, and what comes through in seconds. */
  readonly most: number;
}

/** Each prints several times as many lines as may be kept. */
export const FLOODS: readonly Flood[] = [
  { name: "long lines", words: "floods_log 16", line: "xxxx", most: 6000 },
  { name: "empty lines", words: "floods_log_with_nothing 4", line: '"msg":""', most: 30_000 },
];
