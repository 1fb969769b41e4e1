// The host's end of a pipe that another process has made: opened through that process, so that it has no name that anybody else could use.
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { Socket } from "node:net";

/**
 * Opens the pipe whose end `fd` the process `pid` holds, for reading or for writing.
 * @throws Error when the process is gone or holds no pipe there.
 */
export function openPipe(pid: number, fd: number, direction: "read" | "write"): Socket {
  const [access, readable] = direction === "read" ? [constants.O_RDONLY, true] : [constants.O_WRONLY, false];
  const own = openSync(`/proc/${pid}/fd/${fd}`, access | constants.O_NONBLOCK | constants.O_NOCTTY);
  if (!fstatSync(own).isFIFO()) {
    closeSync(own);
    throw new Error(`descriptor ${fd} is no pipe`);
  }
  const socket = new Socket({ fd: own, readable, writable: !readable });
  // Who held the other end may have just died; the exit tells the story.
  socket.on("error", () => socket.destroy());
  return socket;
}
