// Runs the attack that it is asked for and says how it went.
import { createRequire } from "node:module";

const attack = createRequire(import.meta.url)("./attacks.node");

export default ({ words }) => [attack(words.data ? words.data[0] : words[0])];
