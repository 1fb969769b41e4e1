// Which files of the machine a model may read. What is not named here does not exist for it.
import { existsSync, lstatSync, readdirSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { PACKAGE_ROOT } from "../../src/package-root.ts";
import { builtFolder, bundledFolder, type RuntimeDefinition } from "../runtimes.ts";

/** Top-level folders that lead into /usr on most systems, and are folders of their own on others. */
const SYSTEM_FOLDERS = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];
/** Of /etc only what interpreters and the linker read. */
const SYSTEM_FILES = ["/etc/alternatives", "/etc/ld.so.cache", "/etc/localtime", "/etc/timezone", "/etc/R", "/etc/fonts"];
const JDK_SETTINGS = /^java-.*-openjdk$/;
/** For models that may use the network. */
const NETWORK_FILES = ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/ssl", "/etc/ca-certificates"];

/**
 * Arguments of bubblewrap that mount the system, read-only. /usr is visible as a whole; what lies there of `hidden` (the package, its
 * data, the models) is not.
 */
export function systemMounts(network: boolean, hidden: readonly string[]): string[] {
  return [
    ...readOnly("/usr"),
    ...SYSTEM_FOLDERS.filter(existsSync).flatMap((folder) =>
      lstatSync(folder).isSymbolicLink() ? ["--symlink", readlinkSync(folder), folder] : readOnly(folder),
    ),
    ...["--dir", "/etc"],
    ...systemFiles(network).flatMap(readOnly),
    ...hidden.filter((folder) => folder.startsWith("/usr/")).flatMap((folder) => ["--perms", "0755", "--tmpfs", folder]),
  ];
}

/** Arguments of bubblewrap that mount these paths at themselves, read-only. What links stand for is looked up here, outside. */
export function mountsOf(paths: readonly string[]): string[] {
  // Folders that bubblewrap makes on the way by itself are open to root alone.
  const parents = new Set(paths.flatMap(ancestors));
  return [...[...parents].flatMap((folder) => ["--dir", folder]), ...paths.flatMap((path) => ["--ro-bind", realpathSync(path), path])];
}

/** @throws Error naming a folder on the way to one of these that only its owner may pass, where the process will have a uid of its own. */
export function checkReachable(paths: readonly string[]): void {
  const closed = [...new Set(paths.map((path) => realpathSync(path)).flatMap(ancestors))].find((folder) => (statSync(folder).mode & OTHERS_MAY_PASS) === 0);
  if (closed === undefined) return;
  throw new Error(`${closed} is closed to others, and a model's process has a uid of its own; run: chmod o+x ${closed}, or keep what it needs elsewhere`);
}

const OTHERS_MAY_PASS = 0o001;

function readOnly(path: string): string[] {
  return ["--ro-bind", path, path];
}

function systemFiles(network: boolean): string[] {
  const settings = existsSync("/etc") ? readdirSync("/etc").filter((name) => JDK_SETTINGS.test(name)) : [];
  return [...SYSTEM_FILES, ...settings.map((name) => join("/etc", name)), ...(network ? NETWORK_FILES : [])].filter(existsSync);
}

/** The same as paths, for landlock: it knows no exceptions, so what lies beside `hidden` is named one by one. */
export function systemPaths(network: boolean, hidden: readonly string[]): string[] {
  const folders = ["/usr", ...SYSTEM_FOLDERS.filter((folder) => existsSync(folder) && !lstatSync(folder).isSymbolicLink())];
  return [...folders.flatMap((folder) => besides(folder, hidden)), ...systemFiles(network)];
}

function besides(path: string, hidden: readonly string[]): string[] {
  if (hidden.includes(path)) return [];
  if (!hidden.some((other) => other.startsWith(`${path}/`))) return existsSync(path) ? [path] : [];
  return readdirSync(path).flatMap((name) => besides(join(path, name), hidden));
}

/** The folders above this one, from the top. */
function ancestors(path: string): string[] {
  const parent = dirname(path);
  return parent === "/" ? [] : [...ancestors(parent), parent];
}

/**
 * What a process of this runtime reads besides the system: its harness and environment, the model's folder and libraries, and the
 * interpreter where the system does not show it. Nothing twice, nothing below something else of the list.
 */
export function visiblePaths(runtime: RuntimeDefinition, command: readonly string[], paths: readonly string[], data: string): string[] {
  const { language } = runtime;
  const own = [join(runtime.folder, "harness"), builtFolder(language, data), bundledFolder(language), join(data, "environments", language)];
  const all = [...new Set([...own, ...paths, ...interpreterPaths(command[0] as string, data)])].filter(existsSync);
  return all.filter((path) => !all.some((other) => path.startsWith(`${other}/`)));
}

function interpreterPaths(program: string, data: string): string[] {
  const tools = join(data, "tools");
  // Wrappers of programs that were unpacked without root.
  if (dirname(program) === join(tools, "bin")) return [dirname(program), join(tools, "debian")];
  // Of /usr everything is visible but this package and its data.
  const isHidden = (path: string): boolean => !path.startsWith("/usr/") || [PACKAGE_ROOT, data].some((place) => path.startsWith(`${place}/`));
  return [program, realpathSync(program)].filter(isHidden).flatMap((path) => [path, ...installationOf(path)]);
}

/** `/opt/java` for `/opt/java/bin/java`, where that is an installation of its own and not somebody's home or this package. */
function installationOf(program: string): string[] {
  const prefix = dirname(dirname(program));
  const isOwn = existsSync(join(prefix, "lib")) && ![homedir(), PACKAGE_ROOT].some((place) => `${place}/`.startsWith(`${prefix}/`)) && prefix !== "/";
  return isOwn ? [prefix] : [];
}
