// The Node harness: loads one model and answers its frames. What is said on the wire stands in PROTOCOL.md.
import { Session } from "./session.mjs";
import { writeOutputBlocking } from "./stdio.mjs";
import { Transport } from "./transport.mjs";

writeOutputBlocking();
const transport = new Transport(3);
const session = new Session(transport);
transport.start(session);
session.greet();
