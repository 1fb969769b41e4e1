// The callers of a trivial model, in a process of their own: `caller.ts PORT MODEL PER_SECOND SECONDS`. PER_SECOND "all": as many as are
// answered. Prints how many calls were; fails with the first that had no answer.
import { tensor } from "../../test/support/tensors.ts";
import { callAtRate } from "./call-rate.ts";

const [port, model = "", perSecond, seconds] = process.argv.slice(2);
const calls = [[tensor("x", "FP32", [5.1, 3.5, 1.4, 0.2], [1, 4])]];
const times = await callAtRate(Number(port), model, calls, perSecond === "all" ? null : Number(perSecond), Number(seconds));
process.stdout.write(`${times.length}\n`);
