// The Node harness: loads one model and answers its frames. What is said on the wire stands in PROTOCOL.md.
import { Session } from "./session.mjs";
import { writeOutputBlocking } from "./stdio.mjs";
import { Transport } from "./transport.mjs";

// Enough to reach the author's lines through a library's calls. As a flag of V8 it would void Node's cache of its own modules: 9 ms.
Error.stackTraceLimit = 50;
writeOutputBlocking();
const transport = new Transport(3);
const session = new Session(transport);
transport.start(session);
session.greet();
